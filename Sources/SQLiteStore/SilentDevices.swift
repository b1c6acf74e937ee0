import Ports
import Telemetry

/// Devices by when they were heard last.
///
/// Each question reads the table `devices` from end to end: an index on when they were heard would have to be written
/// with every flush. Readings are never looked at.
enum SilentDevices {
    /// For the pruner, a device that was restored counts as heard then.
    static let heard = "MAX(last_heard, IFNULL(restored, last_heard))"

    static func census(recent: Instant, old: Instant, _ connection: Connection) throws(StoreError) -> Census {
        let select = try connection.prepare(
            """
            SELECT SUM(heard > ?1), SUM(heard > ?2 AND heard <= ?1)
            FROM (SELECT \(heard) AS heard FROM devices)
            """)
        try select.bind(recent.microseconds, 1)
        try select.bind(old.microseconds, 2)
        guard try select.step() else { return Census(heard: 0, fellSilent: 0) }
        return Census(heard: Int(select.int64(0)), fellSilent: Int(select.int64(1)))
    }

    /// - Parameter rest: of a `SELECT`, which gives the rows that are meant.
    private static func select(_ rest: String) -> String {
        "SELECT id, name, hidden, \(heard) AS heard FROM devices WHERE \(rest)"
    }

    static func search(
        heardThrough time: Instant, limit: Int, _ connection: Connection
    ) throws(StoreError) -> [SilentDevice] {
        let limit = min(limit, StoreLimits.answerRowsMax)
        guard limit > 0 else { return [] }
        let page = try connection.prepare(select("\(heard) <= ? ORDER BY heard, name LIMIT ?"))
        try page.bind(time.microseconds, 1)
        try page.bind(Int64(limit), 2)
        let count = try Counting(connection)
        var found: [SilentDevice] = []
        while try page.step() { found.append(try count.device(page).device) }
        return found
    }

    /// One device as it is now, for deletions; nil if there is none of that name.
    struct Look {
        private let page: PreparedStatement
        private let count: Counting

        init(_ connection: Connection) throws(StoreError) {
            page = try connection.prepare(SilentDevices.select("name = ?"))
            count = try Counting(connection)
        }

        func at(_ device: DeviceID) throws(StoreError) -> (id: Int64, device: SilentDevice)? {
            try page.bind(device.text, 1)
            defer { page.reset() }
            return try page.step() ? try count.device(page) : nil
        }
    }

    /// Adds the readings of devices up, those too that are not in `series.readings` yet.
    private struct Counting {
        private let pending: [Int64: Int64]
        private let series: PreparedStatement

        init(_ connection: Connection) throws(StoreError) {
            pending = try PendingCounts.sums(connection)
            series = try connection.prepare("SELECT id, readings FROM series WHERE device = ?")
        }

        func device(_ page: PreparedStatement) throws(StoreError) -> (id: Int64, device: SilentDevice) {
            let id = page.int64(0)
            try series.bind(id, 1)
            var readings: UInt64 = 0
            while try series.step() {
                readings &+= UInt64(clamping: series.int64(1) &+ pending[series.int64(0), default: 0])
            }
            series.reset()
            let device = SilentDevice(
                device: DeviceID(unchecked: page.text(1)), lastHeard: page.time(3), readings: readings,
                isHidden: page.int64(2) != 0)
            return (id, device)
        }
    }
}
