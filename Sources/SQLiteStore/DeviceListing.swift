import Ports
import Telemetry

/// Devices with what they measure.
enum DeviceListing {
    private static let columns = "SELECT id, name, first_seen, last_heard, hidden FROM devices"

    /// By name as bytes, after `after`.
    static func page(after: DeviceID?, limit: Int, _ connection: Connection) throws(StoreError) -> [DeviceRow] {
        let limit = min(limit, StoreLimits.answerRowsMax)
        guard limit > 0 else { return [] }
        // No name is empty, so the empty one is before the first.
        let select = try connection.prepare("\(columns) WHERE name > ? ORDER BY name LIMIT ?")
        try select.bind(after?.text ?? "", 1)
        try select.bind(Int64(limit), 2)
        return try rows(select, connection)
    }

    static func one(_ device: DeviceID, _ connection: Connection) throws(StoreError) -> DeviceRow? {
        let select = try connection.prepare("\(columns) WHERE name = ?")
        try select.bind(device.text, 1)
        return try rows(select, connection).first
    }

    private static func rows(_ select: PreparedStatement, _ connection: Connection) throws(StoreError) -> [DeviceRow] {
        let pending = try PendingCounts.sums(connection)
        let series = try connection.prepare(
            "SELECT metric, readings, id FROM series WHERE device = ? ORDER BY metric")
        var rows: [DeviceRow] = []
        while try select.step() {
            try series.bind(select.int64(0), 1)
            var metrics: [Metric] = []
            var readings: UInt64 = 0
            while try series.step() {
                metrics.append(Metric(unchecked: series.text(0)))
                readings &+= UInt64(clamping: series.int64(1) &+ pending[series.int64(2), default: 0])
            }
            series.reset()
            rows.append(
                DeviceRow(
                    device: DeviceID(unchecked: select.text(1)), metrics: metrics,
                    firstSeen: Instant(microseconds: select.int64(2)),
                    lastHeard: Instant(microseconds: select.int64(3)), isHidden: select.int64(4) != 0,
                    readings: readings))
        }
        return rows
    }
}
