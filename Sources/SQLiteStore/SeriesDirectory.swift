import GRDBSQLite
import HashRing
import Ports
import Telemetry

/// Names to ids, inside a transaction: from the cache, from the tables, or new.
struct SeriesDirectory {
    let session: WriteSession
    let connection: Connection

    init(session: WriteSession, connection: Connection) {
        self.session = session
        self.connection = connection
    }

    /// Drops the cache if devices were deleted since it was filled.
    func align() throws(StoreError) {
        let select = try session.statement("SELECT deletions FROM flock WHERE id = 1", connection)
        defer { select.reset() }
        guard try select.step() else { throw StoreError(.unusable, "the flock row is gone: the file is damaged") }
        session.series.align(deletions: select.int64(0))
    }

    /// The id of a series, which is added if it is new; so is its device.
    func id(of series: Series, now: Instant) throws(StoreError) -> Int64 {
        if let id = try knownID(of: series) { return id }
        let device = try deviceID(of: series.device, now: now)
        let insert = try session.statement("INSERT INTO series (device, metric) VALUES (?, ?)", connection)
        try insert.bind(device, 1)
        try insert.bind(series.metric.text, 2)
        try insert.run()
        let id = sqlite3_last_insert_rowid(connection.pointer)
        session.series.insert(id, for: series)
        return id
    }

    func knownID(of series: Series) throws(StoreError) -> Int64? {
        if let id = session.series[series] { return id }
        let select = try session.statement(SeriesLookUp.sql, connection)
        guard let id = try SeriesLookUp.id(of: series, select) else { return nil }
        session.series.insert(id, for: series)
        return id
    }

    /// The number under which the rows name a model.
    func number(of model: ModelID) throws(StoreError) -> Int64 {
        if let number = session.models[model] { return number }
        let insert = try session.statement(
            "INSERT INTO model_ids (name, version) VALUES (?, ?) ON CONFLICT (name, version) DO NOTHING", connection)
        let select = try session.statement("SELECT id FROM model_ids WHERE name = ? AND version = ?", connection)
        for statement in [insert, select] {
            try statement.bind(model.name, 1)
            try statement.bind(Int64(model.version), 2)
        }
        try insert.run()
        defer { select.reset() }
        guard try select.step() else { throw StoreError(.unusable, "a model id is gone: the file is damaged") }
        session.models.insert(select.int64(0), for: model)
        return select.int64(0)
    }

    private func deviceID(of device: DeviceID, now: Instant) throws(StoreError) -> Int64 {
        let insert = try session.statement(
            """
            INSERT INTO devices (name, slot, first_seen, last_heard) VALUES (?, ?, ?, ?)
            ON CONFLICT (name) DO NOTHING
            """, connection)
        try insert.bind(device.text, 1)
        try insert.bind(Int64(Slot(of: device).number), 2)
        try insert.bind(now.microseconds, 3)
        try insert.bind(now.microseconds, 4)
        try insert.run()
        let select = try session.statement("SELECT id FROM devices WHERE name = ?", connection)
        try select.bind(device.text, 1)
        defer { select.reset() }
        guard try select.step() else { throw StoreError(.unusable, "a device row is gone: the file is damaged") }
        return select.int64(0)
    }
}

/// The one way from a series' names to its id, for the writer and for readers.
enum SeriesLookUp {
    static let sql = """
        SELECT series.id FROM devices JOIN series ON series.device = devices.id
        WHERE devices.name = ? AND series.metric = ?
        """

    static func id(of series: Series, _ select: PreparedStatement) throws(StoreError) -> Int64? {
        try select.bind(series.device.text, 1)
        try select.bind(series.metric.text, 2)
        defer { select.reset() }
        return try select.step() ? select.int64(0) : nil
    }
}
