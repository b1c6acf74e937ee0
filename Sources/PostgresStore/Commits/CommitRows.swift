import Ports
import Telemetry

/// One reading as the table takes it.
struct CommitRow {
    var series: Int64
    var time: Instant
    var value: Double
    var score: Double
    var model: Int32
    /// Where it came from, for quarantine.
    var batch: Int32
    var index: Int32
    var result: UInt8
    var isLate: Bool
    var reason: String?
}

/// A reading that is not stored, and why not.
struct RefusedRow {
    let batch: Int
    let index: Int
    let reason: String
}

/// The readings of a transaction in the order of the table's key, each once: neighbours land on one page of the index,
/// and every node takes the keys' locks in one order.
struct CommitRows {
    private(set) var rows: [CommitRow] = []
    private(set) var duplicates: UInt64 = 0
    private(set) var refused: [RefusedRow] = []

    init(reserving count: Int) {
        rows.reserveCapacity(count)
    }

    /// Adds the readings of a batch.
    /// - Parameters:
    ///   - series: the id of each of the batch's series; nil for those of deleted devices and those with a bad name.
    ///   - badNames: why the readings of a series are refused, by its index.
    ///   - models: the number of each of the verdicts' models.
    /// - Returns: how many were left out because their device was deleted.
    mutating func append(
        _ batch: ScoredBatch, number: Int, series: [Int64?], badNames: [Int: String], models: [Int32]
    ) -> UInt64 {
        let readings = batch.readings
        let verdicts = batch.verdicts
        var leftOut: UInt64 = 0
        for index in 0..<readings.count {
            let place = Int(readings.seriesIndices[index])
            let (time, value) = (readings.times[index], readings.values[index])
            guard let id = series[place] else {
                if let reason = badNames[place] {
                    refused.append(RefusedRow(batch: number, index: index, reason: reason))
                } else {
                    leftOut += 1
                }
                continue
            }
            guard value.isFinite, PostgresTime.isExact(time) else {
                let reason = value.isFinite ? "the time is none that the store can hold" : "the value is not finite"
                refused.append(RefusedRow(batch: number, index: index, reason: reason))
                continue
            }
            rows.append(
                CommitRow(
                    // Plus zero: −0 becomes 0, which it is equal to.
                    series: id, time: time, value: value + 0, score: verdicts.scores[index],
                    model: models[Int(verdicts.modelIndices[index])], batch: Int32(truncatingIfNeeded: number),
                    index: Int32(truncatingIfNeeded: index), result: verdicts.results[index].rawValue,
                    isLate: verdicts.isLate[index], reason: verdicts.reasons.isEmpty ? nil : verdicts.reasons[index]))
        }
        return leftOut
    }

    /// By the key; of equal ones the first that came stays.
    mutating func sortAndUnite() {
        rows.sort { one, other in
            if one.series != other.series { return one.series < other.series }
            if one.time != other.time { return one.time < other.time }
            if one.value != other.value { return one.value < other.value }
            return (one.batch, one.index) < (other.batch, other.index)
        }
        var kept = 0
        for index in rows.indices {
            if kept > 0, rows[kept - 1].hasKey(of: rows[index]) {
                duplicates += 1
                continue
            }
            rows[kept] = rows[index]
            kept += 1
        }
        rows.removeLast(rows.count - kept)
    }
}

extension CommitRow {
    fileprivate func hasKey(of other: CommitRow) -> Bool {
        series == other.series && time == other.time && value == other.value
    }
}
