/// Every size, wait and count of this adapter in one place.
enum StoreLimits {
    // MARK: Memory. A node rests below 60 MB and stays below 250 MB with ten million readings stored.

    /// The writer's page cache. The rightmost leaf of every series is written again and again: 8,192 of them fit.
    static let writerCacheKibibytes = 32 * 1024
    /// A reader walks a range once; its cache need not hold more than the inner pages.
    static let readerCacheKibibytes = 4 * 1024
    static let readersCountMax = 4
    /// No memory map: mapped pages would count as the node's memory, and a failing disk would be a SIGBUS, which
    /// nothing can catch, where it is an error code now.
    static let memoryMapBytes = 0
    /// Series whose ids are kept in memory: about 100 bytes each.
    static let seriesCacheCountMax = 100_000

    // MARK: The write-ahead log

    /// Pages in the write-ahead log after which a commit copies them home: 32 MiB. The rightmost leaf of every series
    /// is in the log many times and is copied once, so a longer log writes less; at the default (1,000) a thousand
    /// series' leaves are copied after each transaction. After a crash this much is read again, in some 50 ms.
    static let walPagesBeforeCheckpoint = 8_000
    /// A write-ahead log that had to grow further is cut back to this.
    static let walBytesKept = 64 << 20

    // MARK: Waits

    /// For the turn to write. Others hold it for tens of milliseconds; this long means a stopped process.
    static let turnWaitMicroseconds: Int64 = 10_000_000
    /// Between two looks at a turn that another process has.
    static let turnPollMicrosecondsMin: UInt32 = 50
    static let turnPollMicrosecondsMax: UInt32 = 500
    /// Places in the line for the turn: as many nodes as one machine may run. More wait at its end, in no order.
    static let linePlacesCount = 64
    /// Between two looks from the far end of the line.
    static let linePollMicrosecondsMax: UInt32 = 5_000
    /// A line moves with every transaction, each some tens of milliseconds. One that does not move for this long has a
    /// stopped process in it, and who waits behind goes past.
    static let linePatienceMicroseconds: Int64 = 1_000_000
    /// For SQLite's own lock, which only programs that do not know of the turn can hold.
    static let busyWaitSeconds = 5.0

    // MARK: Write transactions: each holds the turn for 50 ms at most, so that no other node waits longer

    static let flushRowsPerTransaction = 2_000
    /// Rows of deleted series that are removed in one transaction.
    static let sweptRowsPerTransaction = 10_000
    /// How long `prepare` goes on with a removal that a crash cut short.
    static let sweepOnPrepareMicroseconds: Int64 = 2_000_000

    /// Rows of `reading_counts`, and series counted in them, that are settled at the latest: 30 ms of work.
    static let pendingCountsMax: Int64 = 64
    static let pendingCountedSeriesMax: Int64 = 16_384

    /// Rows in `quarantine`; further ones are counted and named in the log only.
    static let quarantineCountMax = 100_000

    // MARK: Pruning

    /// Devices that one call hides, and that one deletes.
    static let hiddenAtOnceMax = 1_000
    static let deletedAtOnceMax = 200
    /// Ticks that one call forgets.
    static let forgottenTicksMax: Int64 = 10_000
    /// Rows in `audit`, and how many more there may be before the oldest are forgotten; at most so many at once.
    static let auditCountMax: Int64 = 100_000
    static let auditCountOver: Int64 = 1_000
    static let forgottenAuditMax: Int64 = 10_000

    /// Of one part of retention, which is one transaction.
    static let retentionSeriesMax = 1_000
    static let retentionRowsMax = 5_000
    static let retentionSilencesMax: Int64 = 5_000
    /// Readings go by whole stretches of this, in microseconds, as in the other store.
    static let retentionStretch: Int64 = 600_000_000

    /// Rows that one call answers with, whatever was asked for.
    static let answerRowsMax = 100_000
}
