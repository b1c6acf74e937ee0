import DataPlane
import HashRing
import LogFormat
import Ports
import Telemetry

/// A disk, a store and owners around an `IngestCore`, with every outcome drawn from a seed: appends may find the disk
/// full, calls may get no answer, commits may go in without an answer, the process may die at any step.
struct IngestWorld {
    var core: IngestCore
    var random: SeededGenerator
    var now = Moment(microseconds: 0)

    // The disk. A crash keeps what was synced and a random part of the rest.
    var records: [LogRecord] = []
    var syncedCount = 0
    var logID: LogID
    var trimmedTo = LogPosition.start

    // The store.
    var rows: [Reading: Verdict] = [:]
    var row: Checkpoint?
    var isStoreAway = false
    var commitsCount = 0

    // What waits.
    var orders: [IngestCore.Effect] = []
    var requests: [IngestCore.RequestID: ReadingBatch] = [:]
    var acknowledged: [ReadingBatch] = []
    var sent: Set<Reading> = []
    var requestsCount: UInt64 = 0
    var scoredTimes: [Reading: Int] = [:]
    var problems: [String] = []
    /// The checks look at all that is synced: too slow for worlds of thousands of records.
    var checksEachStep = true
    var readRecordsMax = 4

    static let owner = Owner(name: "n0", incarnation: 1)
    static let model = ModelID(name: "m", version: 1)

    init(seed: UInt64, limits: IngestLimits) {
        random = SeededGenerator(seed: seed)
        logID = LogID(using: &random)
        core = IngestCore(log: logID, base: .start, end: .start, limits: limits)
    }

    var logEnd: LogPosition {
        records.last(where: \.holdsReadings)?.end ?? trimmedTo
    }

    mutating func start() {
        step(.started(log: logID, base: trimmedTo, end: logEnd))
        step(.ring(Ring([Self.owner])))
    }

    mutating func step(_ event: IngestCore.Event) {
        for effect in core.handle(event, now: now) {
            switch effect {
            case .acknowledge(let ids): for id in ids { acknowledge(id) }
            case .refuse(let ids, _): for id in ids { requests[id] = nil }
            default: orders.append(effect)
            }
        }
        check()
    }

    private mutating func acknowledge(_ id: IngestCore.RequestID) {
        guard let batch = requests.removeValue(forKey: id) else { return problems.append("answered twice") }
        let synced = checksEachStep ? Set(records[..<syncedCount].flatMap(Self.readings)) : sent
        for index in 0..<batch.count where !synced.contains(batch[index]) {
            problems.append("acknowledged \(batch[index]) before it was synced")
        }
        acknowledged.append(batch)
    }

    private mutating func check() {
        let ledger = core.ledger
        let sum = ledger.stored + ledger.pending + ledger.duplicates + ledger.discarded + ledger.damaged
        if ledger.accepted != sum { problems.append("ledger open: \(ledger)") }
        if orders.count(where: { if case .append = $0 { true } else { false } }) > 1 {
            problems.append("two appends at once")
        }
        if orders.count(where: { if case .call = $0 { true } else { false } }) > 1 {
            problems.append("two calls to one owner at once")
        }
    }

    static func readings(_ record: LogRecord) -> [Reading] {
        guard case .readings(_, let batch) = record else { return [] }
        return (0..<batch.count).map { batch[$0] }
    }

    // MARK: One step of the world

    mutating func offer(_ batch: ReadingBatch) {
        requestsCount += 1
        let id = IngestCore.RequestID(requestsCount)
        requests[id] = batch
        for index in 0..<batch.count { sent.insert(batch[index]) }
        step(.offered([.init(request: id, batch: batch)]))
    }

    mutating func tick(_ microseconds: Int64) {
        now = now.advanced(byMicroseconds: microseconds)
        step(.tick)
    }

    /// Performs one of the outstanding orders, any of them. `isKind` = everything succeeds.
    mutating func performOne(isKind: Bool) {
        guard !orders.isEmpty else { return }
        let order = orders.remove(at: random.draw(below: orders.count))
        let isUnlucky = !isKind && random.draw(below: 5) == 0
        switch order {
        case .append(let number, let added): append(number, added, isUnlucky)
        case .call(_, let call): self.call(call, isUnlucky)
        case .commit(let transaction): commit(transaction, isUnlucky)
        case .readCheckpoint(let log):
            step(isStoreAway ? .checkpointUnavailable : .checkpoint(row.flatMap { $0.log == log ? $0 : nil }))
        case .register(let log):
            guard !isStoreAway else { return step(.checkpointUnavailable) }
            if row?.log != log { row = Checkpoint(log: log, node: "n0") }
            step(.checkpoint(row))
        case .readLog(let purpose, let start): read(purpose, start)
        case .trim(let log, let position): if log == logID { trimmedTo = max(trimmedTo, position) }
        case .retire: retire()
        case .acknowledge, .refuse: break
        }
    }

    private mutating func append(_ number: IngestCore.AppendNumber, _ added: [LogRecord], _ isUnlucky: Bool) {
        let hasReadings = added.contains(where: \.holdsReadings)
        if isUnlucky, hasReadings { return step(.appendFailed(number, .full("no room"))) }
        for record in added {
            if record.holdsReadings, record.position != logEnd {
                problems.append("a hole: \(record.position) after \(logEnd)")
            }
            records.append(record)
        }
        if hasReadings { syncedCount = records.count }
        step(.appended(number))
    }

    private mutating func call(_ call: ScoreCall, _ isUnlucky: Bool) {
        var verdicts = VerdictBatch()
        let synced = checksEachStep ? Set(records[..<syncedCount].flatMap(Self.readings)) : sent
        for index in 0..<call.count {
            let reading = Reading(
                series: call.series[Int(call.seriesIndices[index])], time: call.times[index],
                value: call.values[index])
            if !synced.contains(reading) { problems.append("sent on before it was synced: \(reading)") }
            verdicts.append(Verdict(result: .normal, score: reading.value / 1e6, model: Self.model, isLate: false))
            if !isUnlucky { scoredTimes[reading, default: 0] += 1 }
        }
        step(isUnlucky ? .callFailed(call.number) : .scored(call.number, verdicts))
    }

    private mutating func commit(_ transaction: StoreTransaction, _ isUnlucky: Bool) {
        commitsCount += 1
        guard !isStoreAway else { return step(.commitFailed) }
        guard var row, row.log == transaction.log, row.position == transaction.start else {
            problems.append("commit from \(transaction.start), row at \(String(describing: self.row))")
            return step(.commitFailed)
        }
        let goesIn = !isUnlucky || random.draw(below: 2) == 0
        if goesIn {
            for batch in transaction.batches {
                for index in 0..<batch.readings.count {
                    if rows.updateValue(batch.verdicts[index], forKey: batch.readings[index]) == nil {
                        row.stored += 1
                    } else {
                        row.duplicates += 1
                    }
                }
            }
            row.damaged += transaction.damaged
            row.position = transaction.end
            row.accepted = transaction.accepted
            self.row = row
        }
        step(isUnlucky ? .commitFailed : .committed(row))
    }

    private mutating func read(_ purpose: IngestCore.ReadPurpose, _ start: IngestCore.ReadStart) {
        let from =
            switch start {
            case .position(let position): records.firstIndex { $0.end > position } ?? records.count
            case .cursor(let cursor): Int(cursor.offset)
            }
        let to = min(records.count, from + 1 + random.draw(below: readRecordsMax))
        step(
            .logRead(
                purpose, from < to ? Array(records[from..<to]) : [],
                next: LogCursor(log: logID, segment: .start, offset: UInt64(to)), isAtEnd: to == records.count))
    }

    private mutating func retire() {
        logID = LogID(using: &random)
        var position = LogPosition.start
        records = records.compactMap { record in
            guard case .readings(_, let batch) = record else { return nil }
            defer { position = position + batch.count }
            return .readings(position, batch)
        }
        syncedCount = records.count
        trimmedTo = .start
        step(.retired(log: logID, base: .start, end: logEnd))
    }

    /// The process dies: what was not synced may be lost, nobody gets an answer, and it starts again.
    mutating func crash() {
        let kept = syncedCount + random.draw(below: records.count - syncedCount + 1)
        records.removeLast(records.count - kept)
        syncedCount = records.count
        orders = []
        requests = [:]
        core = IngestCore(log: logID, base: trimmedTo, end: logEnd, limits: core.limits)
        start()
    }

    /// Kind weather until nothing is left to do.
    mutating func settle() {
        isStoreAway = false
        for _ in 0..<20_000 {
            if orders.isEmpty, core.isDrained { return }
            if orders.isEmpty { tick(100_000) } else { performOne(isKind: true) }
        }
        problems.append("does not settle: \(core.ledger), \(core.phase), \(core.store), \(orders)")
    }
}
