import Ports
import Telemetry

/// One reading as the table takes it.
struct CommitRow {
    var series: Int64
    var time: Int64
    var value: Double
    var score: Double
    var model: Int64
    /// Where it came from, for quarantine.
    var batch: Int32
    var index: Int32
    var result: UInt8
    var isLate: Bool
    var reason: String?
}

/// The readings of a transaction in the order of the table's key. Neighbours land on one page of the B-tree, so
/// SQLite seeks once a page and not once a row, and the counters of a series are written once.
struct CommitRows {
    private(set) var rows: [CommitRow] = []

    init(reserving count: Int) {
        rows.reserveCapacity(count)
    }

    /// Adds the readings of a batch.
    /// - Parameters:
    ///   - series: the id of each of the batch's series; nil for those of deleted devices.
    ///   - models: the number of each of the verdicts' models.
    /// - Returns: how many were left out.
    mutating func append(
        _ batch: ScoredBatch, number: Int32, series: [Int64?], models: [Int64]
    ) -> UInt64 {
        let readings = batch.readings
        let verdicts = batch.verdicts
        var leftOut: UInt64 = 0
        for index in 0..<readings.count {
            guard let id = series[Int(readings.seriesIndices[index])] else {
                leftOut += 1
                continue
            }
            rows.append(
                CommitRow(
                    series: id, time: readings.times[index].microseconds, value: readings.values[index],
                    score: verdicts.scores[index], model: models[Int(verdicts.modelIndices[index])],
                    batch: number, index: Int32(truncatingIfNeeded: index),
                    result: verdicts.results[index].rawValue, isLate: verdicts.isLate[index],
                    reason: verdicts.reasons.isEmpty ? nil : verdicts.reasons[index]))
        }
        return leftOut
    }

    /// By series, then time; equal ones as they came, so that the first of two equal readings is the one that stays.
    mutating func sort() {
        rows.sort { one, other in
            if one.series != other.series { return one.series < other.series }
            if one.time != other.time { return one.time < other.time }
            if one.batch != other.batch { return one.batch < other.batch }
            return one.index < other.index
        }
    }
}
