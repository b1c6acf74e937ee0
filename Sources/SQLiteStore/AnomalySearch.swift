import Ports
import Telemetry

/// Anomalous readings, newest first, each with the next normal reading of its series.
struct AnomalySearch: Sendable {
    let query: AnomalyQuery

    private var limit: Int { min(query.limit, StoreLimits.answerRowsMax) }

    func run(_ connection: Connection) throws(StoreError) -> [AnomalyRow] {
        guard limit > 0, query.from < query.to else { return [] }
        let found = query.device == nil ? try everywhere(connection) : try ofDevice(connection)
        return try withNormalAfter(found, connection)
    }

    private struct Found {
        let id: Int64
        let series: Series
        let time: Int64
        let value: Double
        let score: Double
        let model: ModelID
        let reason: String?
    }

    /// By the index on time. The joins leave out what was deleted and is not removed yet.
    private func everywhere(_ connection: Connection) throws(StoreError) -> [Found] {
        let select = try connection.prepare(
            """
            SELECT series.id, devices.name, series.metric, readings.time, readings.value, readings.score,
                model_ids.name, model_ids.version, readings.reason
            FROM readings INDEXED BY anomalies_by_time
            CROSS JOIN series ON series.id = readings.series
            CROSS JOIN devices ON devices.id = series.device
            LEFT JOIN model_ids ON model_ids.id = readings.model
            WHERE readings.result = 1 AND readings.time >= ?1 AND readings.time < ?2
                AND (?3 OR series.metric = ?4)
            ORDER BY readings.time DESC LIMIT ?5
            """)
        try select.bind(query.from.microseconds, 1)
        try select.bind(query.to.microseconds, 2)
        try select.bind(query.metric == nil ? 1 : 0 as Int64, 3)
        try select.bind(query.metric?.text ?? "", 4)
        try select.bind(Int64(limit), 5)
        var found: [Found] = []
        while try select.step() {
            found.append(
                Found(
                    id: select.int64(0),
                    series: Series(
                        device: DeviceID(unchecked: select.text(1)), metric: Metric(unchecked: select.text(2))),
                    time: select.int64(3), value: select.double(4), score: select.double(5),
                    model: select.model(6, 7), reason: select.textIfAny(8)))
        }
        return found
    }

    /// By the index on (series, time), series by series: a device has few, and the others may have many anomalies.
    private func ofDevice(_ connection: Connection) throws(StoreError) -> [Found] {
        guard let device = query.device else { return [] }
        let select = try connection.prepare(
            """
            SELECT readings.time, readings.value, readings.score, model_ids.name, model_ids.version, readings.reason
            FROM readings INDEXED BY anomalies_by_series
            LEFT JOIN model_ids ON model_ids.id = readings.model
            WHERE readings.result = 1 AND readings.series = ?1 AND readings.time >= ?2 AND readings.time < ?3
            ORDER BY readings.time DESC LIMIT ?4
            """)
        var found: [Found] = []
        for (id, metric) in try seriesOf(device, connection) where query.metric == nil || query.metric == metric {
            try select.bind(id, 1)
            try select.bind(query.from.microseconds, 2)
            try select.bind(query.to.microseconds, 3)
            try select.bind(Int64(limit), 4)
            let series = Series(device: device, metric: metric)
            while try select.step() {
                found.append(
                    Found(
                        id: id, series: series, time: select.int64(0), value: select.double(1),
                        score: select.double(2), model: select.model(3, 4), reason: select.textIfAny(5)))
            }
            select.reset()
            // Kept to the limit on the way, so that many series do not add up.
            found.sort { ($0.time, $1.id) > ($1.time, $0.id) }
            found.removeLast(max(0, found.count - limit))
        }
        return found
    }

    private func seriesOf(_ device: DeviceID, _ connection: Connection) throws(StoreError) -> [(Int64, Metric)] {
        let select = try connection.prepare(
            """
            SELECT series.id, series.metric FROM devices JOIN series ON series.device = devices.id
            WHERE devices.name = ? ORDER BY series.metric
            """)
        try select.bind(device.text, 1)
        var series: [(Int64, Metric)] = []
        while try select.step() { series.append((select.int64(0), Metric(unchecked: select.text(1)))) }
        return series
    }

    /// Newest first, so that each look-up ends at the anomaly after it, whose answer is known: a series is walked
    /// once, however many of its readings are anomalous.
    private func withNormalAfter(_ found: [Found], _ connection: Connection) throws(StoreError) -> [AnomalyRow] {
        let select = try connection.prepare(
            """
            SELECT time FROM readings WHERE series = ?1 AND time > ?2 AND time <= ?3 AND result = 0
            ORDER BY time LIMIT 1
            """)
        var known: [Int64: (time: Int64, normalAfter: Instant?)] = [:]
        var rows: [AnomalyRow] = []
        rows.reserveCapacity(found.count)
        for one in found {
            let later = known[one.id]
            try select.bind(one.id, 1)
            try select.bind(one.time, 2)
            try select.bind(later?.time ?? .max, 3)
            let nearer = try select.step() ? Instant(microseconds: select.int64(0)) : nil
            select.reset()
            let normalAfter = nearer ?? later?.normalAfter
            known[one.id] = (one.time, normalAfter)
            rows.append(
                AnomalyRow(
                    series: one.series, time: Instant(microseconds: one.time), value: one.value, score: one.score,
                    model: one.model, normalAfter: normalAfter, reason: one.reason))
        }
        return rows
    }
}
