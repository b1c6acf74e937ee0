import Ports
import Telemetry

/// Devices with what they measure.
enum DeviceListing {
    /// By name as bytes, after `after`.
    static func page(after: DeviceID?, limit: Int, _ link: Link) throws(Failure) -> [DeviceRow] {
        let limit = min(limit, PostgresLimits.answerRowsMax)
        guard limit > 0 else { return [] }
        // No name is empty, so the empty one is before the first.
        return try rows(
            "WHERE name > $1 ORDER BY name LIMIT $2", [.text(after?.text ?? ""), .int64(Int64(limit))], link)
    }

    static func one(_ device: DeviceID, _ link: Link) throws(Failure) -> DeviceRow? {
        try rows("WHERE name = $1", [.text(device.text)], link).first
    }

    private static func rows(_ page: String, _ parameters: [Parameter], _ link: Link) throws(Failure) -> [DeviceRow] {
        let rows = try link.query(
            """
            WITH page AS MATERIALIZED (SELECT id, name, first_seen, last_heard, hidden FROM devices \(page)),
            \(ReadingCounts.pending)
            SELECT page.name, page.first_seen, page.last_heard, page.hidden, series.metric,
                coalesce(series.readings, 0) + coalesce(pending.readings, 0)
            FROM page LEFT JOIN series ON series.device = page.id LEFT JOIN pending ON pending.series = series.id
            ORDER BY page.name, series.metric
            """, parameters)
        var devices: [DeviceRow] = []
        var row = 0
        while row < rows.count {
            let name = rows.text(row, 0)
            let first = row
            var metrics: [Metric] = []
            var readings: UInt64 = 0
            while row < rows.count, rows.text(row, 0).utf8.elementsEqual(name.utf8) {
                if !rows.isNull(row, 4) { metrics.append(Metric(unchecked: rows.text(row, 4))) }
                readings &+= UInt64(clamping: rows.int64(row, 5))
                row += 1
            }
            devices.append(
                DeviceRow(
                    device: DeviceID(unchecked: name), metrics: metrics, firstSeen: rows.time(first, 1),
                    lastHeard: rows.time(first, 2), isHidden: rows.bool(first, 3), readings: readings))
        }
        return devices
    }
}
