import DataPlane
import HashRing
import LogFormat
import Ports
import Telemetry
import Testing

/// A log, a store and an owner in memory around an `IngestCore`, for tests of single decisions: nothing happens by itself
/// and nothing fails unless the test says so. Disasters are the simulator's.
struct IngestDriver {
    static let owner = Owner(name: "n0", incarnation: 1)
    static let model = ModelID(name: "m", version: 1)

    var core: IngestCore
    var now = Moment(microseconds: 0)

    // The disk.
    var logID = LogID(high: 0, low: 1)
    var base = LogPosition.start
    var records: [LogRecord] = []
    /// How far the log reached when it was opened: a damaged end is longer than what can be read.
    var provenEnd = LogPosition.start
    /// Who wrote the log before this life.
    var lives: [LogLife] = []
    private var openedEnd = LogPosition.start

    /// Records of one read.
    var readRecordsMax = 1_000

    // The store.
    var row: Checkpoint?
    var stored: [Reading: Verdict] = [:]
    var isStoreAway = false
    var commits: [StoreTransaction] = []

    // The owner, and the clients.
    var scoredTimes: [Reading: Int] = [:]
    var acknowledged: [IngestCore.RequestID] = []
    var refused: [IngestCore.RequestID: AcceptError] = [:]

    /// What the core ordered and nobody performed yet.
    var orders: [IngestCore.Effect] = []
    private var requestsCount: UInt64 = 0
    private var readingsCount = 0
    private var writersCount: UInt64 = 1

    init(limits: IngestLimits = IngestLimits()) {
        core = IngestCore(
            log: IngestCore.OpenLog(id: logID, base: .start, end: .start), writer: WriterID(1), limits: limits)
    }

    var opened: IngestCore.OpenLog {
        let end = records.last(where: \.holdsReadings)?.end ?? base
        return IngestCore.OpenLog(id: logID, base: base, end: max(end, provenEnd), lives: lives)
    }

    // MARK: Events

    mutating func step(_ event: IngestCore.Event) {
        for effect in core.handle(event, now: now) {
            switch effect {
            case .acknowledge(let requests): acknowledged += requests
            case .refuse(let requests, let error): for request in requests { refused[request] = error }
            default: orders.append(effect)
            }
        }
    }

    /// Opens the log and gives it its ring; the store's answers are still to be performed.
    mutating func start() {
        openedEnd = opened.end
        step(.started(opened))
        step(.ring(Ring([Self.owner])))
    }

    /// The process dies and another is started; what the log holds is kept.
    mutating func restart() {
        orders = []
        lives.append(LogLife(writer: core.writer, start: openedEnd))
        writersCount += 1
        core = IngestCore(log: opened, writer: WriterID(writersCount), limits: core.limits)
        start()
    }

    @discardableResult
    mutating func offer(_ batch: ReadingBatch) -> IngestCore.RequestID {
        requestsCount += 1
        let request = IngestCore.RequestID(requestsCount)
        step(.offered([.init(request: request, batch: batch)]))
        return request
    }

    /// Readings that were never sent before, one a device and time.
    mutating func fresh(_ count: Int) -> ReadingBatch {
        let readings = (0..<count).map { _ in
            readingsCount += 1
            let series = Series(
                device: DeviceID(unchecked: "d\(readingsCount % 11)"),
                metric: Metric(unchecked: "m\(readingsCount % 2)"))
            return Reading(
                series: series, time: Instant(microseconds: Int64(readingsCount)), value: Double(readingsCount))
        }
        return ReadingBatch(receivedAt: Instant(microseconds: Int64(readingsCount)), readings: readings)
    }

    mutating func tick(_ microseconds: Int64) {
        now = now.advanced(byMicroseconds: microseconds)
        step(.tick)
    }

    // MARK: Performing

    /// Takes the first order of this kind away, unperformed.
    mutating func take(_ isWanted: (IngestCore.Effect) -> Bool) -> IngestCore.Effect? {
        orders.firstIndex(where: isWanted).map { orders.remove(at: $0) }
    }

    func isOrdered(_ isWanted: (IngestCore.Effect) -> Bool) -> Bool { orders.contains(where: isWanted) }

    mutating func takeCall() -> ScoreCall? {
        guard case .call(_, let call)? = take({ if case .call = $0 { true } else { false } }) else { return nil }
        return call
    }

    /// Performs whatever is ordered, in that order, until nothing is. Orders of the kind `leaving` stay where they are.
    mutating func performAll(leaving isLeft: (IngestCore.Effect) -> Bool = { _ in false }) {
        while let order = take({ !isLeft($0) }) { perform(order) }
    }

    /// Performs everything, lets time pass, and so on until all that was accepted is stored.
    mutating func settle(sourceLocation: SourceLocation = #_sourceLocation) {
        for _ in 0..<Self.settleRoundsMax {
            performAll()
            if core.isDrained { return }
            tick(100_000)
        }
        Issue.record("does not settle: \(core.ledger), \(core.phase), \(core.store)", sourceLocation: sourceLocation)
    }

    private static let settleRoundsMax = 5_000

    mutating func perform(_ order: IngestCore.Effect) {
        switch order {
        case .append(let number, let added):
            records += added
            step(.appended(number))
        case .call(_, let call): answer(call)
        case .claim(let log, let old, let writer):
            answerRow { if $0?.log == log, $0?.writer == old { $0?.writer = writer } }
        case .register(let log, let writer, _):
            answerRow { if $0?.log != log { $0 = Checkpoint(log: log, node: "n0", writer: writer) } }
        case .readCheckpoint: answerRow { _ in }
        case .commit(let transaction): commit(transaction)
        case .readLog(let purpose, let log, let start): read(purpose, log, start)
        case .trim(_, let position): base = max(base, position)
        case .retire: rename()
        case .acknowledge, .refuse: break
        }
    }

    private mutating func answerRow(_ change: (inout Checkpoint?) -> Void) {
        guard !isStoreAway else { return step(.checkpointUnavailable) }
        change(&row)
        step(.checkpoint(row.flatMap { $0.log == logID ? $0 : nil }))
    }

    mutating func answer(_ call: ScoreCall) {
        var verdicts = VerdictBatch()
        for index in 0..<call.count {
            let reading = Reading(
                series: call.series[Int(call.seriesIndices[index])], time: call.times[index],
                value: call.values[index])
            scoredTimes[reading, default: 0] += 1
            verdicts.append(Verdict(result: .normal, score: reading.value / 1e6, model: Self.model, isLate: false))
        }
        step(.scored(call.number, ScoreAnswer(verdicts: verdicts)))
    }

    mutating func commit(_ transaction: StoreTransaction) {
        guard !isStoreAway, var row, row.log == transaction.log, row.position == transaction.start,
            row.writer == transaction.writer
        else { return step(.commitFailed) }
        commits.append(transaction)
        for batch in transaction.batches {
            for index in 0..<batch.readings.count {
                let isNew = stored.updateValue(batch.verdicts[index], forKey: batch.readings[index]) == nil
                if isNew { row.stored += 1 } else { row.duplicates += 1 }
            }
        }
        row.damaged += transaction.damaged
        row.position = transaction.end
        row.accepted = transaction.accepted
        self.row = row
        step(.committed(row))
    }

    private mutating func read(_ purpose: IngestCore.ReadPurpose, _ log: LogID, _ start: IngestCore.ReadStart) {
        let from =
            switch start {
            case .position(let position): records.firstIndex { $0.end > position } ?? records.count
            case .cursor(let cursor): Int(cursor.offset)
            }
        let to = min(records.count, from + readRecordsMax)
        step(
            .logRead(
                purpose, from < to ? Array(records[from..<to]) : [],
                next: LogCursor(log: log, segment: .start, offset: UInt64(to)), isAtEnd: to == records.count))
    }

    /// All that is not trimmed begins anew at 0.
    private mutating func rename() {
        let old = base
        logID = LogID(high: 0, low: logID.low + 1)
        records = records.filter { $0.position >= old }.map { record in
            switch record {
            case .readings(let position, let batch): .readings(LogPosition(position - old), batch)
            case .verdicts(let position, let batch): .verdicts(LogPosition(position - old), batch)
            }
        }
        base = .start
        provenEnd = .start
        lives = []
        openedEnd = .start
        step(.retired(opened))
    }

    /// Why the log's name was given up; nil while it is not.
    var retirement: IngestCore.RetireReason? {
        for case .retire(_, let reason) in orders { return reason }
        return nil
    }
}

extension IngestCore.Effect {
    var isCall: Bool { if case .call = self { true } else { false } }
    var isCommit: Bool { if case .commit = self { true } else { false } }
    var isRetirement: Bool { if case .retire = self { true } else { false } }
    var isClaim: Bool { if case .claim = self { true } else { false } }
    var isLook: Bool { if case .readCheckpoint = self { true } else { false } }
}
