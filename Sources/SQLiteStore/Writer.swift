import GRDB
import Logging
import Ports
import SerialQueues
import Telemetry

/// Everything that writes, one transaction after the other, on a thread of its own. A method is one transaction and
/// has no `await` inside; whoever needs several calls several times, so that others come in between.
actor Writer {
    private nonisolated let executor = SerialQueueExecutor(label: "starling.sqlite.writer")
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    let path: String
    let clock: @Sendable () -> Instant
    let log: Logger
    private var session: WriteSession?
    private var isClosed = false

    init(path: String, log: Logger, clock: @escaping @Sendable () -> Instant) {
        self.path = path
        self.log = log
        self.clock = clock
    }

    /// Opens the file unless it is open, and brings its schema up to date.
    /// - Returns: the connections for readers, and the identity.
    func prepare() throws(StoreError) -> (pool: DatabasePool, flock: FlockID) {
        guard !isClosed else { throw Self.closed }
        let session = try openedSession()
        var generator = SystemRandomNumberGenerator()
        let fresh = FlockID(using: &generator)
        let doing = "preparing \(session.place.path)"
        let flock = try session.transaction(doing) { session, connection throws(StoreError) in
            try Opening.migrate(connection, fresh: fresh, session.place)
        }
        session.place.syncFolder()
        return (session.pool, flock)
    }

    func close() {
        isClosed = true
        session?.close(log: log)
        session = nil
    }

    /// One transaction, for the extensions of this actor.
    func transaction<T>(
        _ doing: String, _ body: (WriteSession, Connection) throws(StoreError) -> T
    ) throws(StoreError) -> T {
        guard !isClosed else { throw Self.closed }
        guard let session else { throw Self.unopened }
        return try session.transaction(doing, body)
    }

    private func openedSession() throws(StoreError) -> WriteSession {
        if let session { return session }
        let place = try FilePlace(preparing: path)
        let turn = try WriteTurn(place)
        try turn.take()
        defer { turn.release() }
        let opened = WriteSession(place: place, pool: try Opening.open(place), turn: turn)
        session = opened
        return opened
    }

    static let closed = StoreError(.unavailable, "the store is closed")
    static let unopened = StoreError(.unavailable, "the store is not open yet: prepare() has not succeeded")
}
