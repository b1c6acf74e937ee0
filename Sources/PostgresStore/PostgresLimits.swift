/// Every size, wait and count of this adapter in one place.
enum PostgresLimits {
    // MARK: The server

    /// Of `server_version_num`: the oldest that is tested for.
    static let oldestServerVersion: Int32 = 140_000

    // MARK: Waits. The server gives up first, so that it can still say why.

    /// For a connection to one address, with TLS and password.
    static let connectMicroseconds: Int64 = 10_000_000
    /// Of one name, each tried in turn.
    static let addressesMax = 8
    /// For one statement, by the server.
    static let statementMilliseconds = 30_000
    /// For a lock that another session holds, by the server.
    static let lockMilliseconds = 10_000
    /// What the server waits for the next statement of an open transaction: then a node that vanished loses its locks.
    static let idleInTransactionMilliseconds = 15_000
    /// For an answer, by us: beyond the server's own patience it is the network that failed.
    static let answerMicroseconds: Int64 = 35_000_000
    /// For the turn to delete: whoever comes after waits for it too, so that it is short and asked for again.
    static let deletionLockMilliseconds = 1_000
    static let deletionLockAttemptsMax = 8
    /// For bringing the schema up to date, which includes waiting for the node that does it first.
    static let migrationMilliseconds = 300_000
    static let migrationAnswerMicroseconds: Int64 = 310_000_000

    // MARK: Dead peers: unacknowledged bytes and silent lines are given up, on both ends

    static let tcpUserTimeoutMilliseconds = 15_000
    static let keepaliveIdleSeconds = 10
    static let keepaliveIntervalSeconds = 5
    static let keepaliveCount = 3

    // MARK: Retries

    /// Between two attempts to connect; doubled from the first to the second, each time drawn from its upper half.
    static let backOffMicrosecondsMin: Int64 = 100_000
    static let backOffMicrosecondsMax: Int64 = 10_000_000
    /// Attempts at a transaction that the server rolled back because of a deadlock.
    static let deadlockAttemptsMax = 4

    // MARK: Memory

    /// Bytes of rows that are handed to libpq at once.
    static let copyChunkBytes = 128 << 10
    /// Series whose ids are kept in memory: about 100 bytes each.
    static let seriesCacheCountMax = 100_000
    static let modelCacheCountMax = 10_000
    /// Slots whose `latest` rows are asked for at once.
    static let slotsPerQuery = 256
    /// Of a name that is written: more than any device may have, less than an index entry may be long.
    static let nameBytesMax = 1_024
    static let passwordFileBytesMax = 64 << 10

    // MARK: Transactions

    static let flushRowsPerTransaction = 2_000
    /// Rows of deleted series that are removed in one transaction.
    static let sweptRowsPerTransaction = 10_000
    /// How long `prepare` goes on with a removal that was cut short.
    static let sweepOnPrepareMicroseconds: Int64 = 2_000_000
    /// Rows of `reading_counts` that are added to `series` in one transaction.
    static let settledCountsMax: Int64 = 1_024
    /// Commits after which their counts are added to `series`, if no flush did.
    static let commitsBeforeSettling = 256
    /// Rows in `quarantine`; further ones are counted and named in the log only.
    static let quarantineCountMax: Int64 = 100_000

    /// Rows that one call answers with, whatever was asked for.
    static let answerRowsMax = 100_000

    // MARK: Pruning

    /// For a lock, in a transaction that has the pruner's job: whoever is elected waits for it.
    static let fencedLockMilliseconds = 1_000
    /// What the server waits for the next statement of such a transaction, then it ends the session: the holder stands
    /// still, and nobody else does because of it.
    static let fencedIdleMilliseconds = 1_000
    /// For one statement of such a transaction: the server goes on with it though the node stands still.
    static let fencedStatementMilliseconds = 2_500
    /// Waits for the job's row at an election, each of `fencedLockMilliseconds`.
    static let electionAttemptsMax = 3
    /// After this no more of them is begun, so that the answer comes within three seconds.
    static let electionMicroseconds: Int64 = 2_200_000
    /// Devices that one call hides, and that one deletes: who writes waits for a deletion.
    static let hiddenAtOnceMax = 1_000
    static let deletedAtOnceMax = 200
    /// Ticks that one call forgets.
    static let forgottenTicksMax: Int64 = 10_000
    /// Rows in `audit`, and how many more there may be before the oldest are forgotten; at most so many at once.
    static let auditCountMax: Int64 = 100_000
    static let auditCountOver: Int64 = 1_000
    static let forgottenAuditMax: Int64 = 10_000

    // MARK: Retention: of one part, which is one transaction

    static let retentionSeriesMax: Int64 = 1_000
    static let retentionRowsMax: Int64 = 10_000
    /// Chunks dropped at once, the oldest: each takes locks on a dozen tables, and of a server's locks there are few
    /// thousand.
    static let retentionChunksMax: Int64 = 20
    static let retentionOutlinesMax: Int64 = 100_000
    static let retentionSilencesMax: Int64 = 10_000
    /// For a lock on chunks that are dropped: less than the server's `deadlock_timeout`.
    static let chunkLockMilliseconds = 500

    // MARK: Outlines

    /// A stretch is outlined when it ended so long ago. Commits take half of it for new: the rest is for those that
    /// were long under way.
    static let outlinedAfterMicroseconds: Int64 = 3_600_000_000
    /// Stretches in one chart: three years.
    static let outlineStretchesMax: Int64 = 160_000
    /// Stretches made in one transaction: a day, 86,400 readings at one a second. Who stores old readings waits for it.
    static let outlinedAtOnceMax: Int64 = 144
    /// Readings of a series after which it is outlined ahead of any chart.
    static let outlinedEvery: Int64 = 10_000
    /// Not while old readings come: microseconds since the last.
    static let outlinedWhenQuiet: Int64 = 3_000_000
    /// For one series at a time, in the background.
    static let outliningMicroseconds: Int64 = 500_000

    // MARK: TimescaleDB

    static let chunkInterval = "1 day"
    /// Chunks older than this are compressed.
    static let compressAfter = "7 days"
    /// How far back the averages are kept up to date with readings that come late.
    static let aggregatedAgain = "3 days"
}
