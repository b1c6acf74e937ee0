package import Logging
package import Ports
package import Telemetry

/// Whose a database is.
package struct PostgresFlockKeeper: FlockKeeper {
    private let url: PostgresURL
    private let session: Session

    package init(url: PostgresURL, logger: Logger) {
        self.url = url
        session = Session("flock", connector: Connector(url: url, passwordFile: nil), log: logger)
    }

    package func record() async throws(StoreError) -> FlockRecord {
        let url = url
        return try await session.use("asking \(url) for its flock", of: nil, isRead: true) { link throws(Failure) in
            let flock = try Self.identity(link, url)
            // A database of an older program may lack the other two.
            let pruner =
                try Opening.hasTable("jobs", link)
                ? "UNION ALL SELECT max(last_run) FROM jobs UNION ALL SELECT max(through) FROM ticks" : ""
            let row = try link.query(
                """
                SELECT clock_timestamp(),
                    (SELECT max(sign) FROM (SELECT max(last_heard) AS sign FROM devices \(pruner)) AS signs),
                    EXISTS (
                        SELECT FROM pg_stat_activity
                        WHERE datname = current_database() AND pid <> pg_backend_pid()
                            AND application_name LIKE 'starling %')
                """)
            return FlockRecord(
                flock: flock, isOpenElsewhere: row.bool(0, 2), lastSign: row.timeIfAny(0, 1),
                askedAt: row.time(0, 0))
        }
    }

    package func rename(_ old: FlockID, to new: FlockID) async throws(StoreError) {
        let url = url
        try await session.use("giving \(url) another flock id", of: nil) { link throws(Failure) in
            try link.transaction { link throws(Failure) in
                let changed = try link.query(
                    "UPDATE flock SET uuid = $1 WHERE id = 1 AND uuid = $2", [.uuid(new), .uuid(old)])
                guard changed.affected == 1 else {
                    throw .store(
                        StoreError(
                            .unusable,
                            "\(url) is flock \(try Self.identity(link, url)), and not \(old) any more: look again"))
                }
            }
        }
    }

    private static func identity(_ link: Link, _ url: PostgresURL) throws(Failure) -> FlockID {
        guard try Opening.hasTable("flock", link) else {
            throw .store(StoreError(.unusable, "\(url) has no flock yet: it gets one with its first node"))
        }
        return try Opening.identity(link, url)
    }
}
