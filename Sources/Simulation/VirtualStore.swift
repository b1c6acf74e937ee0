import DataPlane
import HashRing
import Ports
import Telemetry

/// The store as its port describes it: tables, transactions with a compare-and-set, tombstones, quarantine. A value, so
/// that a backup is a copy.
struct VirtualStore {
    /// By the reading's number.
    private(set) var rows: [Int: Verdict] = [:]
    private(set) var quarantine: Set<Int> = []
    private(set) var checkpoints: [LogID: Checkpoint] = [:]
    private(set) var latest: [Series: LatestRow] = [:]
    private(set) var tombstones: [DeviceID: Instant] = [:]
    private var series: Set<Series> = []
    /// Rows that were inserted and are gone with their device.
    private(set) var deletedCount = 0

    /// Readings of this metric are refused by the store's own checks.
    static let refusedMetric = Metric(unchecked: "refused")

    mutating func claim(_ log: LogID, from old: WriterID, by writer: WriterID) -> Checkpoint? {
        if checkpoints[log]?.writer == old { checkpoints[log]?.writer = writer }
        return checkpoints[log]
    }

    mutating func register(
        _ log: LogID, node: String, by writer: WriterID, replacing replaced: LogID?
    ) -> Checkpoint {
        let row = checkpoints[log] ?? Checkpoint(log: log, node: node, writer: writer)
        checkpoints[log] = row
        if let replaced, let old = checkpoints[replaced] { checkpoints[replaced]?.accepted = old.position }
        return row
    }

    /// - Returns: the row as committed; nil if the row stands elsewhere or belongs to another writer.
    mutating func commit(_ transaction: StoreTransaction, _ faults: Set<PlantedFault>, truth: Truth) -> Checkpoint? {
        guard var row = checkpoints[transaction.log] else { return nil }
        let isBlind = faults.contains(.lostAnswerIsFailure)
        guard isBlind || (row.position == transaction.start && row.writer == transaction.writer) else { return nil }
        for batch in transaction.batches {
            for index in 0..<batch.readings.count {
                let number = Truth.number(of: batch.readings.values[index])
                let device = batch.readings.series[Int(batch.readings.seriesIndices[index])].device
                let isReplayed = truth.wasReplayed(number, by: transaction.writer)
                if let deleted = tombstones[device], batch.readings.receivedAt <= deleted,
                    !(isReplayed && faults.contains(.tombstoneIgnored))
                {
                    row.discarded += 1
                } else if batch.readings[index].series.metric == Self.refusedMetric {
                    quarantine.insert(number)
                    row.discarded += 1
                } else if rows[number] != nil {
                    row.duplicates += 1
                } else {
                    rows[number] = batch.verdicts[index]
                    series.insert(batch.readings[index].series)
                    row.stored += 1
                }
            }
        }
        row.damaged += transaction.damaged
        row.position = transaction.end
        row.accepted = transaction.accepted
        checkpoints[transaction.log] = row
        return row
    }

    /// Only the row, as if the readings came by another transaction.
    mutating func moveRow(_ transaction: StoreTransaction) {
        guard var row = checkpoints[transaction.log], row.position == transaction.start,
            row.writer == transaction.writer
        else { return }
        row.stored += UInt64(transaction.readingsCount)
        row.damaged += transaction.damaged
        row.position = transaction.end
        row.accepted = transaction.accepted
        checkpoints[transaction.log] = row
    }

    func row(of log: LogID) -> Checkpoint? { checkpoints[log] }

    /// The row that a store keyed by node names would give.
    func row(ofNode node: String) -> Checkpoint? {
        checkpoints.values.filter { $0.node == node }.max { ($0.position, $0.log) < ($1.position, $1.log) }
    }

    mutating func plant(_ row: Checkpoint) { checkpoints[row.log] = row }

    // MARK: Latest and deletion

    mutating func flush(_ rows: [LatestRow]) -> [Series] {
        var unknown: [Series] = []
        for row in rows {
            guard series.contains(row.series) else {
                unknown.append(row.series)
                continue
            }
            if let old = latest[row.series], old.time > row.time { continue }
            latest[row.series] = row
        }
        return unknown
    }

    func latest(in slot: Slot) -> [LatestRow] {
        latest.values.filter { Slot(of: $0.series.device) == slot }.sorted { $0.series < $1.series }
    }

    func tombstones(in slot: Slot) -> [Tombstone] {
        tombstones.filter { Slot(of: $0.key) == slot }.map { Tombstone(device: $0.key, time: $0.value) }
            .sorted { $0.device < $1.device }
    }

    mutating func delete(_ device: DeviceID, at time: Instant, numbers: [Int]) {
        for number in numbers where rows.removeValue(forKey: number) != nil { deletedCount += 1 }
        latest = latest.filter { $0.key.device != device }
        series = series.filter { $0.device != device }
        tombstones[device] = time
    }
}
