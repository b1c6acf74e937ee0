import HashRing
import Ports
import Simulation
import Synchronization
import Telemetry

/// A store in memory that can be away, and can lose the answer of a commit that went in.
final class MemoryStore: ReadingStore, PruneStore, SilenceStore, ModelStore, AlertStore {
    struct Content: Sendable {
        var flock = FlockID(high: 1, low: 2)
        var rows: [LogID: Checkpoint] = [:]
        var readings: [Reading: Verdict] = [:]
        var latest: [Series: LatestRow] = [:]
        var models: [Metric: [ModelRow]] = [:]
        var modelsRevision: UInt64 = 1
        var shadowScores: [ShadowScore] = []
        var tombstones: [DeviceID: Instant] = [:]
        var deletions: Int64 = 0
        var silences: [Series: [Silence]] = [:]
        var isAway = false
        var answersLost = 0
        /// `latest` is answered once somebody lets it.
        var latestHangs = false
        var hanging: [CheckedContinuation<Void, Never>] = []
        var commits = 0
        var alerting = AlertTables()
        var pruning = VirtualPruneStore(now: Instant(microseconds: 1_800_000_000_000_000))
    }

    let content = Mutex(Content())
    let kind = StoreKind(name: "memory", timescale: .none)
    var isReachable: Bool { content.withLock { !$0.isAway } }

    func access<Answer: Sendable>(
        _ body: (inout Content) throws(StoreError) -> Answer
    ) throws(StoreError) -> Answer {
        try content.withLock { content throws(StoreError) in
            guard !content.isAway else { throw StoreError(.unavailable, "away") }
            return try body(&content)
        }
    }

    func prepare() async throws(StoreError) -> FlockID { try access { $0.flock } }

    func claim(log: LogID, from old: WriterID, by writer: WriterID) async throws(StoreError) -> Checkpoint? {
        try access { content in
            if content.rows[log]?.writer == old { content.rows[log]?.writer = writer }
            return content.rows[log]
        }
    }

    func register(
        log: LogID, node: String, by writer: WriterID, replacing replaced: LogID?
    ) async throws(StoreError) -> Checkpoint {
        try access { content in
            let row = content.rows[log] ?? Checkpoint(log: log, node: node, writer: writer)
            content.rows[log] = row
            if let replaced, let closed = content.rows[replaced] { content.rows[replaced]?.accepted = closed.position }
            return row
        }
    }

    func checkpoint(of log: LogID) async throws(StoreError) -> Checkpoint? { try access { $0.rows[log] } }
    func checkpoints() async throws(StoreError) -> [Checkpoint] { try access { Array($0.rows.values) } }

    func commit(_ transaction: StoreTransaction) async throws(StoreError) -> Checkpoint {
        try access { content throws(StoreError) in
            guard var row = content.rows[transaction.log], row.position == transaction.start,
                row.writer == transaction.writer
            else {
                throw StoreError(.conflict(content.rows[transaction.log]), "the row stands elsewhere")
            }
            for batch in transaction.batches {
                for index in 0..<batch.readings.count {
                    let reading = batch.readings[index]
                    if let deleted = content.tombstones[reading.series.device], batch.readings.receivedAt <= deleted {
                        row.discarded += 1
                    } else if content.readings.updateValue(batch.verdicts[index], forKey: reading) == nil {
                        row.stored += 1
                    } else {
                        row.duplicates += 1
                    }
                }
            }
            row.position = transaction.end
            row.accepted = transaction.accepted
            row.damaged += transaction.damaged
            content.rows[transaction.log] = row
            content.commits += 1
            if content.answersLost > 0 {
                content.answersLost -= 1
                throw StoreError(.unavailable, "the answer was lost")
            }
            return row
        }
    }

    func flush(latest rows: [LatestRow]) async throws(StoreError) -> [Series] {
        try access { content in
            let known = Set(content.readings.keys.map(\.series))
            for row in rows where known.contains(row.series) { content.latest[row.series] = row }
            return rows.map(\.series).filter { !known.contains($0) }
        }
    }

    func latest(in slots: [Slot]) async throws(StoreError) -> [LatestRow] {
        await hang()
        let wanted = Set(slots)
        return try access { $0.latest.values.filter { wanted.contains(Slot(of: $0.series.device)) } }
    }

    private func hang() async {
        await withCheckedContinuation { continuation in
            let hangs = content.withLock { content in
                if content.latestHangs { content.hanging.append(continuation) }
                return content.latestHangs
            }
            if !hangs { continuation.resume() }
        }
    }

    func letLatestBeAnswered() {
        let hanging = content.withLock { content in
            content.latestHangs = false
            defer { content.hanging = [] }
            return content.hanging
        }
        for continuation in hanging { continuation.resume() }
    }

    func tombstones(in slots: [Slot], limit: Int) async throws(StoreError) -> [Tombstone] {
        let wanted = Set(slots)
        return try access { content in
            let found = content.tombstones.filter { wanted.contains(Slot(of: $0.key)) }
                .map { Tombstone(device: $0.key, time: $0.value) }
            return Array(found.sorted { ($1.time, $0.device) < ($0.time, $1.device) }.prefix(limit))
        }
    }

    func history(
        of series: Series, from: Instant, to: Instant, after: HistoryPoint?, limit: Int
    ) async throws(StoreError) -> [HistoryPoint] { [] }

    func anomalies(_ query: AnomalyQuery) async throws(StoreError) -> [AnomalyRow] { [] }
    func devices(after: DeviceID?, limit: Int) async throws(StoreError) -> [DeviceRow] { [] }
    func device(_ device: DeviceID) async throws(StoreError) -> DeviceRow? { nil }

    func delete(_ device: DeviceID, isKnown: Bool) async throws(StoreError) -> Instant? {
        try access { content in
            guard isKnown || content.readings.keys.contains(where: { $0.series.device == device }) else { return nil }
            content.readings = content.readings.filter { $0.key.series.device != device }
            content.latest = content.latest.filter { $0.key.device != device }
            content.silences = content.silences.filter { $0.key.device != device }
            let time = Instant(microseconds: 1_000)
            content.tombstones[device] = time
            content.deletions += 1
            return time
        }
    }

    func sweep(for microseconds: Int64) async {}
    func deletions() async throws(StoreError) -> Int64 { try access { $0.deletions } }

    func note(_ silences: [Silence], ended: [SilenceEnd]) async throws(StoreError) -> [Series] {
        try access { content in
            let known = Set(content.readings.keys.map(\.series))
            for one in silences where known.contains(one.series) {
                guard content.silences[one.series]?.contains(where: { $0.start == one.start }) != true else { continue }
                content.silences[one.series, default: []].append(one)
            }
            for end in ended {
                content.silences[end.series] = content.silences[end.series]?.map { one in
                    guard one.start == end.start, one.end == nil else { return one }
                    return Silence(
                        series: one.series, start: one.start, noticed: one.noticed, end: end.end, value: one.value,
                        usualInterval: one.usualInterval)
                }
            }
            return silences.map(\.series).filter { !known.contains($0) }
        }
    }

    func silences(_ query: AnomalyQuery) async throws(StoreError) -> [Silence] {
        try access { content in
            let found = content.silences.values.joined().filter { one in
                (query.device ?? one.series.device) == one.series.device
                    && (query.metric ?? one.series.metric) == one.series.metric && one.start < query.to
                    && one.end.map { query.from <= $0 } ?? true
            }
            return Array(found.sorted { ($1.start, $1.series) < ($0.start, $0.series) }.prefix(query.limit))
        }
    }

    func close() async {}
}
