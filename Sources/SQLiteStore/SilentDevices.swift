import Ports
import Telemetry

/// Devices by when they were heard last.
///
/// Each question reads the table `devices` from end to end: an index on when they were heard would have to be written
/// with every flush. Readings are never looked at.
enum SilentDevices {
    /// For the pruner, a device that was restored counts as heard then.
    static let heard = "MAX(last_heard, IFNULL(restored, last_heard))"

    static func census(_ query: CensusQuery, _ connection: Connection) throws(StoreError) -> Census {
        let approved = query.approved ?? .distantPast
        let quick = try connection.prepare(
            "SELECT TOTAL(heard > ?1), COUNT(*) FROM (SELECT \(heard) AS heard FROM devices) WHERE heard > ?2")
        try quick.bind(query.recent.microseconds, 1)
        try quick.bind(approved.microseconds, 2)
        guard try quick.step() else { return Census() }
        let (heardCount, all) = (Int(quick.int64(0)), Int(quick.int64(1)))
        guard all > 2 * heardCount else { return Census(heard: heardCount, fellSilent: all - heardCount) }
        return try byRhythm(query, approved, connection)
    }

    /// By the usual interval of the series that reports most often: the rows `latest` of who is not heard are read.
    private static func byRhythm(
        _ query: CensusQuery, _ approved: Instant, _ connection: Connection
    ) throws(StoreError) -> Census {
        let select = try connection.prepare(
            """
            SELECT MAX(devices.last_heard, IFNULL(devices.restored, devices.last_heard)),
                MIN(NULLIF(latest.usual_interval, 0))
            FROM devices LEFT JOIN series ON series.device = devices.id LEFT JOIN latest ON latest.series = series.id
            GROUP BY devices.id
            """)
        var census = Census()
        while try select.step() {
            let interval = select.isNull(1) ? 0 : select.int64(1)
            census.count(query.standing(heard: select.time(0), usualInterval: interval))
        }
        return census
    }

    /// - Parameter rest: of a `SELECT`, which gives the rows that are meant.
    private static func select(_ rest: String) -> String {
        "SELECT id, name, hidden, \(heard) AS heard FROM devices WHERE \(rest)"
    }

    static func search(
        heardThrough time: Instant, isHidden: Bool?, limit: Int, _ connection: Connection
    ) throws(StoreError) -> [SilentDevice] {
        let limit = min(limit, StoreLimits.answerRowsMax)
        guard limit > 0 else { return [] }
        let wanted = isHidden.map { " AND hidden = \($0 ? 1 : 0)" } ?? ""
        let page = try connection.prepare(select("\(heard) <= ?\(wanted) ORDER BY heard, name LIMIT ?"))
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
