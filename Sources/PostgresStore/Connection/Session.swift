import Logging
import Ports
import SerialQueues
import Telemetry

/// One connection and the thread it is used on. It connects when it is first used and again when it was lost; while the
/// server is away, calls fail at once between two attempts.
actor Session {
    private nonisolated let executor: SerialQueueExecutor
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    private let purpose: String
    private let connector: Connector
    private let log: Logger
    private var link: Link?
    private var backOff = BackOff()
    private var isClosed = false
    /// Served a connection that broke in the middle of something: it may still be at it.
    private var orphan: Link.Backend?

    init(_ purpose: String, connector: Connector, log: Logger) {
        self.purpose = purpose
        self.connector = connector
        self.log = log
        executor = SerialQueueExecutor(label: "starling.postgres.\(purpose)")
    }

    func close() {
        isClosed = true
        link = nil
    }

    /// Runs `body` with a connection.
    /// - Parameters:
    ///   - flock: whom the database must belong to; nil before that is known.
    ///   - isRead: `body` changes nothing, so that it may be run again if the connection turns out to be broken.
    ///   - body: a whole transaction, or a single statement.
    func use<T: Sendable>(
        _ doing: String, of flock: FlockID?, isRead: Bool = false,
        _ body: @Sendable (Link) throws(Failure) -> T
    ) throws(StoreError) -> T {
        var triesLeft = PostgresLimits.deadlockAttemptsMax
        var isFresh = link == nil
        while true {
            do throws(Failure) {
                let link = try connected(flock)
                let result = try body(link)
                guard link.isIdle else { throw .lost("a transaction was left open: this is a defect, report it") }
                return result
            } catch {
                triesLeft -= 1
                switch error {
                case .lost:
                    drop()
                    if isRead, !isFresh {
                        isFresh = true
                        continue
                    }
                case .server(let state, _):
                    if link?.isIdle != true { drop() }
                    if state.isWorthAnotherTry, triesLeft > 0 { continue }
                case .refused, .store: break
                }
                throw redacted(error.storeError(doing: doing))
            }
        }
    }

    private func connected(_ flock: FlockID?) throws(Failure) -> Link {
        guard !isClosed else { throw .store(Self.closed) }
        if let link { return link }
        let now = MachineClock.monotonic()
        if let (wait, reason) = backOff.wait(at: now) {
            throw .store(
                StoreError(
                    reason.code,
                    "\(connector.url) could not be reached; tried again in \(wait / 1_000) ms (\(reason.message))"))
        }
        do throws(Failure) {
            let fresh = try connector.connect(purpose)
            if let flock { try Opening.check(fresh, belongsTo: flock, connector.url) }
            if let orphan { Self.end(orphan, on: fresh) }
            orphan = nil
            if backOff.failures > 0 { log.info("the store can be reached again", metadata: ["for": "\(purpose)"]) }
            backOff = BackOff()
            link = fresh
            return fresh
        } catch {
            let told = redacted(error.storeError(doing: "connecting for \(purpose)"))
            if backOff.failures == 0 { log.warning("the store cannot be reached", metadata: ["error": "\(told)"]) }
            backOff.fail(at: MachineClock.monotonic(), because: told)
            throw .store(told)
        }
    }

    private func drop() {
        orphan = link?.backend ?? orphan
        link = nil
    }

    /// What the old connection had under way keeps its locks until the server notices that nobody is there any more.
    /// One that is committing finishes first.
    private static func end(_ orphan: Link.Backend, on link: Link) {
        _ = try? link.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND backend_start = $2",
            [.int32(orphan.process), .time(orphan.start)])
    }

    private func redacted(_ error: StoreError) -> StoreError {
        StoreError(error.code, connector.url.redact(error.message))
    }

    static let closed = StoreError(.unavailable, "the store is closed")
    static let unopened = StoreError(.unavailable, "the store is not open yet: prepare() has not succeeded")
}

/// When to try again to connect: the wait doubles with each failure, and is drawn, so that nodes do not come at once.
struct BackOff {
    private(set) var failures = 0
    private var reason: StoreError?
    private var next = Moment(microseconds: .min)
    private var wait = PostgresLimits.backOffMicrosecondsMin

    /// Microseconds until the next attempt, and why the last one failed; nil if one may be made now.
    func wait(at now: Moment) -> (microseconds: Int64, reason: StoreError)? {
        guard let reason, now < next else { return nil }
        return (next.microseconds - now.microseconds, reason)
    }

    mutating func fail(at now: Moment, because reason: StoreError) {
        failures += 1
        self.reason = reason
        next = now.advanced(byMicroseconds: Int64.random(in: wait / 2...wait))
        wait = min(wait * 2, PostgresLimits.backOffMicrosecondsMax)
    }
}

extension Link {
    /// Runs `body` in one transaction. If it throws, nothing of it stays, and neither do the names it looked up.
    func transaction<T>(_ body: (Link) throws(Failure) -> T) throws(Failure) -> T {
        do throws(Failure) {
            try query("BEGIN")
            let result = try body(self)
            try commit()
            return result
        } catch {
            throw rolledBack(after: error)
        }
    }

    /// A transaction that is broken answers COMMIT with ROLLBACK, and no error.
    func commit() throws(Failure) {
        try Self.checkCommitted(try query("COMMIT"))
    }

    static func checkCommitted(_ rows: Rows?) throws(Failure) {
        guard rows?.command == "COMMIT" else {
            throw .lost("the server rolled back instead of committing: look at its log")
        }
    }

    func rolledBack(after failure: Failure) -> Failure {
        names.forget()
        if case .lost = failure { return failure }
        do throws(Failure) {
            if !isIdle { try query("ROLLBACK") }
            return failure
        } catch {
            return error
        }
    }
}
