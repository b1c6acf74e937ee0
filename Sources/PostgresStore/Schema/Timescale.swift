import Logging
import Ports

/// What TimescaleDB adds where the server has it. The answers are the same with and without it.
///
/// Its community edition compresses old chunks and keeps averages; its Apache edition has chunks alone. The table is
/// shaped once, when the database is empty: a server that gains the extension later stays plain until a person acts.
enum Timescale {
    /// Makes the extension known in a database that is empty, if the server was started with it: then there is the
    /// loader's setting, and a server without the loader would end the connection over the statement.
    static func install(_ link: Link, log: Logger) throws(Failure) {
        let offered = try link.query(
            """
            SELECT EXISTS (SELECT 1 FROM pg_available_extensions WHERE name = 'timescaledb')
                AND NOT EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'timescaledb')
                AND coalesce(current_setting('timescaledb.disable_load', true) = 'off', false)
            """)
        guard offered.bool(0, 0) else { return }
        do throws(Failure) {
            try Opening.locked(link) { link throws(Failure) in
                if try !Opening.hasTable("flock", link) {
                    try link.script("CREATE EXTENSION IF NOT EXISTS timescaledb")
                }
            }
        } catch {
            guard case .server = error else { throw error }
            log.warning(
                "TimescaleDB is there but this user may not create it: the store will be plain PostgreSQL",
                metadata: ["error": "\(error.storeError(doing: "CREATE EXTENSION timescaledb").message)"])
        }
    }

    private static func license(_ link: Link) throws(Failure) -> StoreKind.Timescale {
        let rows = try link.query(
            """
            SELECT current_setting('timescaledb.license', true) = 'timescale'
            FROM pg_extension WHERE extname = 'timescaledb'
            """)
        guard rows.count > 0 else { return .none }
        return !rows.isNull(0, 0) && rows.bool(0, 0) ? .community : .apache
    }

    /// Gives the empty table its form: chunks by time, or an index that is small because rows come in order of time.
    static func shape(_ link: Link) throws(Failure) {
        if try license(link) == .none {
            try link.script("CREATE INDEX readings_by_time ON readings USING brin (time)")
        } else {
            try link.script(
                """
                SELECT create_hypertable('readings', 'time', chunk_time_interval => INTERVAL
                    '\(PostgresLimits.chunkInterval)', create_default_indexes => false)
                """)
        }
    }

    static func mode(_ link: Link, log: Logger) throws(Failure) -> StoreKind.Timescale {
        let license = try license(link)
        guard license != .none else { return .none }
        guard try isHypertable(link) else {
            log.notice(
                """
                the server has TimescaleDB now, but the readings are in a plain table and stay there: to convert it, \
                stop the nodes and call create_hypertable('readings', 'time', migrate_data => true)
                """)
            return .none
        }
        if license == .apache, try isCompressed(link) {
            log.warning(
                "readings are compressed, which timescaledb.license = apache cannot read: set it to timescale again")
        }
        return license
    }

    private static func isHypertable(_ link: Link) throws(Failure) -> Bool {
        try link.query(
            """
            SELECT EXISTS (SELECT 1 FROM timescaledb_information.hypertables
                WHERE hypertable_name = 'readings' AND hypertable_schema = current_schema())
            """
        ).bool(0, 0)
    }

    private static func isCompressed(_ link: Link) throws(Failure) -> Bool {
        try link.query(
            """
            SELECT EXISTS (SELECT 1 FROM timescaledb_information.hypertables
                WHERE hypertable_name = 'readings' AND hypertable_schema = current_schema() AND compression_enabled)
            """
        ).bool(0, 0)
    }

    /// Compression and averages: asked for at every start, because a server may be given the licence later. What fails
    /// here is told and costs no reading.
    static func keepSmall(_ link: Link, log: Logger) throws(Failure) {
        do throws(Failure) {
            try Opening.locked(link) { link throws(Failure) in
                if try !isCompressed(link) { try link.script(compression) }
                for step in [minutes, hours] where try !Opening.hasTable(step.name, link) { try link.script(step.sql) }
            }
            try checkJobs(link, log: log)
        } catch {
            guard case .server = error else { throw error }
            log.warning(
                "old readings are not compressed or averaged; they are all there",
                metadata: ["error": "\(error.storeError(doing: "setting TimescaleDB up").message)"])
        }
    }

    /// The server's own jobs do the work; where they cannot, nobody else would notice.
    private static func checkJobs(_ link: Link, log: Logger) throws(Failure) {
        let failed = try link.query(
            """
            SELECT count(*) FROM timescaledb_information.job_stats
            WHERE last_run_status = 'Failed' AND hypertable_schema = current_schema()
            """
        ).int64(0, 0)
        guard failed > 0 else { return }
        log.warning(
            "jobs of TimescaleDB fail, so old readings may not be compressed: see timescaledb_information.job_errors",
            metadata: ["count": "\(failed)"])
    }

    private static let compression = """
        ALTER TABLE readings SET (timescaledb.compress, timescaledb.compress_segmentby = 'series',
            timescaledb.compress_orderby = 'time, value');
        SELECT add_compression_policy('readings', INTERVAL '\(PostgresLimits.compressAfter)', if_not_exists => true);
        """

    static var averages: [String] { [hours, minutes].map(\.name) }

    /// Removes a part of the averages of a deleted series: the server itself looks at old ones no more.
    /// - Returns: true if there may be more.
    static func removeAverages(of series: Parameter, _ link: Link) throws(Failure) -> Bool {
        let views = "timescaledb_information.continuous_aggregates"
        guard try !link.query("SELECT to_regclass('\(views)')").isNull(0, 0) else { return false }
        let tables = try link.query(
            """
            SELECT format('%I.%I', materialization_hypertable_schema, materialization_hypertable_name),
                CASE view_name WHEN '\(hours.name)' THEN 'hour' ELSE 'minute' END
            FROM \(views) WHERE view_schema = current_schema() AND view_name = ANY ($1)
            """, [.texts(averages)])
        for row in tables.indices {
            let (table, bucket) = (tables.text(row, 0), tables.text(row, 1))
            let last = try link.query(
                "SELECT \(bucket) FROM \(table) WHERE series = $1 ORDER BY \(bucket) LIMIT 1 OFFSET $2",
                [series, .int64(Int64(PostgresLimits.sweptRowsPerTransaction - 1))])
            guard last.count == 0 else {
                try link.query(
                    "DELETE FROM \(table) WHERE series = $1 AND \(bucket) <= $2", [series, .time(last.time(0, 0))])
                return true
            }
            try link.query("DELETE FROM \(table) WHERE series = $1", [series])
        }
        return false
    }

    /// For charts by SQL. Sums and counts, so that averages of averages are right; values that no sum could hold are left
    /// out of it.
    private static let minutes = (
        name: "readings_by_minute",
        sql: """
        CREATE MATERIALIZED VIEW readings_by_minute
        WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
        SELECT series, time_bucket(INTERVAL '1 minute', time) AS minute, count(*) AS readings, sum(value) FILTER (WHERE abs(value) < 1e290) AS sum,
            min(value) AS min, max(value) AS max, max(score) AS score,
            count(*) FILTER (WHERE result = 1) AS anomalies
        FROM readings GROUP BY series, minute WITH NO DATA;
        SELECT add_continuous_aggregate_policy('readings_by_minute',
            start_offset => INTERVAL '\(PostgresLimits.aggregatedAgain)', end_offset => INTERVAL '2 minutes',
            schedule_interval => INTERVAL '1 minute', if_not_exists => true);
        """
    )

    private static let hours = (
        name: "readings_by_hour",
        sql: """
        CREATE MATERIALIZED VIEW readings_by_hour
        WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
        SELECT series, time_bucket(INTERVAL '1 hour', minute) AS hour, sum(readings)::bigint AS readings,
            sum(sum) AS sum, min(min) AS min, max(max) AS max, max(score) AS score,
            sum(anomalies)::bigint AS anomalies
        FROM readings_by_minute GROUP BY series, hour WITH NO DATA;
        SELECT add_continuous_aggregate_policy('readings_by_hour',
            start_offset => INTERVAL '\(PostgresLimits.aggregatedAgain)', end_offset => INTERVAL '2 hours',
            schedule_interval => INTERVAL '30 minutes', if_not_exists => true);
        """
    )
}
