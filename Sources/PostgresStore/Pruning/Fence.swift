import Ports
import Telemetry

/// Transactions that hold the pruner's job, so that a newer token is minted before them or after them and never beside
/// them.
///
/// The job's row is the first lock that any of them takes, and nobody who has another lock ever asks for it: so it is in
/// no circle of waiting. Behind it a deletion takes the locks that every deletion takes (`DeletionSQL.takeTurn`), and
/// retention those of `readings` before the lock of outlines, as commits and sweeps do.
enum Fence {
    /// One transaction of the holder of `token`, if it is the newest.
    static func transaction<T>(
        _ token: FencingToken, _ link: Link, _ body: (Link) throws(Failure) -> T
    ) throws(Failure) -> T {
        try held(link) { link throws(Failure) in
            let rows = try link.query("SELECT token FROM jobs WHERE job = $1 FOR UPDATE", [.text(JobSQL.job)])
            let newest = FencingToken(rows.count > 0 ? rows.bits(0, 0) : 0)
            guard token == newest else { throw .store(.fenced(token, newest: newest)) }
            return try body(link)
        }
    }

    /// One transaction that takes the job's row. The server ends it if it stands still: a frozen node keeps nobody from
    /// an election.
    static func held<T>(_ link: Link, _ body: (Link) throws(Failure) -> T) throws(Failure) -> T {
        try link.transaction { link throws(Failure) in
            try link.script(
                """
                SET LOCAL lock_timeout = \(PostgresLimits.fencedLockMilliseconds);
                SET LOCAL statement_timeout = \(PostgresLimits.fencedStatementMilliseconds);
                SET LOCAL idle_in_transaction_session_timeout = \(PostgresLimits.fencedIdleMilliseconds)
                """)
            return try body(link)
        }
    }
}

extension Link {
    /// Runs a whole transaction again when it waited too long for a lock. It asks for a short time at once, because
    /// whoever comes after it waits in the same line.
    /// - Parameter microseconds: nothing is begun anew after that.
    func retryingLocks<T>(
        _ attemptsMax: Int, within microseconds: Int64 = .max, _ body: (Link) throws(Failure) -> T
    ) throws(Failure) -> T {
        let start = MachineClock.monotonic()
        for _ in 1..<attemptsMax {
            do throws(Failure) {
                return try body(self)
            } catch {
                guard case .server(let state, _) = error, state.isLockTimeout,
                    MachineClock.monotonic().microseconds - start.microseconds < microseconds
                else { throw error }
            }
        }
        return try body(self)
    }
}
