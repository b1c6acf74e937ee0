import NodeHarness
import ServerHarness

/// Sessions of other programs.
extension PostgresServer {
    /// One in the middle of a transaction, in which it stays.
    func hold(_ database: String, _ sql: String) async throws -> ChildProcess {
        let session = try session("BEGIN; \(sql); SELECT pg_sleep(600)", in: database)
        try await wait("wait_event = 'PgSleep' AND datname = '\(database)'")
        return session
    }

    /// Waits for a session of that kind.
    /// - Parameter condition: on `pg_stat_activity`.
    func wait(_ condition: String) async throws {
        let deadline = Deadline(in: .seconds(60))
        let count = "SELECT count(*) FROM pg_stat_activity WHERE \(condition)"
        while try await apart({ try self.run(count) }) == "0" {
            guard !deadline.isPast else { throw HarnessError("no session with \(condition)") }
        }
    }

    /// Its transaction is rolled back.
    func end(_ session: ChildProcess, _ database: String) throws {
        try run(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE wait_event = 'PgSleep' AND datname = '\(database)'
            """)
        session.wait(.seconds(10))
    }
}
