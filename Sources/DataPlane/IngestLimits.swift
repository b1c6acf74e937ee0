/// Every bound of the way from a client to the store.
package struct IngestLimits: Hashable, Sendable {
    /// Readings of one log record; longer batches are cut. A bound of the log's format.
    package var recordReadingsMax = 4_096
    /// Readings of one group commit. More would make the first of the group wait for the encoding of the last.
    package var appendReadingsMax = 16_384
    /// Readings that wait for their append. Beyond it clients are told to come back: the disk is the bottleneck.
    package var waitingReadingsMax = 400_000
    /// How long readings may wait behind a full group until clients are told to come back, in microseconds: who is
    /// answered later than in a second has often hung up. (CoDel's idea: a queue that empties is none, however slow the
    /// disk. Nichols and Jacobson, ACM Queue 10(5), 2012.)
    package var standingTimeMax: Int64 = 300_000
    /// Readings in the log without a verdict, in memory. Beyond it appends wait: the owners are the bottleneck.
    package var scoringReadingsMax = 400_000
    /// Readings of one call: large enough that dispatch (about 18 µs) is nothing, small enough to answer in ms.
    package var callReadingsMax = 4_096
    /// Readings with verdicts kept in memory for the store. Beyond it they are read back from the log.
    package var storingReadingsMax = 120_000
    /// Readings of one transaction (measured: 1,000-row transactions reach an eighth of the throughput).
    package var commitReadingsMax = 20_000
    /// How long the first reading waits for company in its transaction, in microseconds.
    package var commitDelay: Int64 = 200_000
    /// How long a call may take, in microseconds. The slowest call that is well (a slot that warms up) takes less.
    package var callDeadline: Int64 = 4_000_000
    /// Wait before the same owner is called again after a call without an answer, in microseconds.
    package var callRetry: Int64 = 100_000
    /// Wait before a slot is asked for again that went to somebody whom the ring does not know yet, in microseconds: a new
    /// ring, which ends the wait, comes within a few of them.
    package var movedPause: Int64 = 200_000
    /// How long a reading is tried after its first call failed, or waits in a ring without members, before it is stored
    /// as `unscored`, in microseconds.
    package var unscoredAfter: Int64 = 5_000_000
    /// Owners that may die under a reading before it is stored as `unscored`.
    package var ownersLostMax = 2
    /// How often the row of a log with nothing to store is looked at, in microseconds: a store that was restored from a
    /// backup, or a second process with a copy of this log, is noticed without a reading.
    package var rowLook: Int64 = 10_000_000
    /// Waits between two tries to reach the store, in microseconds: doubled from the first to the last.
    package var storeRetryFirst: Int64 = 50_000
    package var storeRetryLast: Int64 = 2_000_000
    /// Wait before verdicts that found no room in the log are appended again, in microseconds.
    package var verdictRetry: Int64 = 1_000_000
    /// Reads of the log that may fail one after the other before the replay ends without them, and the wait between two.
    package var replayTriesMax = 5
    package var replayRetry: Int64 = 1_000_000
    /// What a refused client is told to wait.
    package var fullRetryAfterSeconds = 5
    package var busyRetryAfterSeconds = 1

    package init() {}

    /// Readings without a verdict that a replay may find before it hands them out. No life of the log had more of them
    /// at once: what was taken in below `scoringReadingsMax`, and a group on either side of it (a client's batch may be
    /// larger than a group, never larger than what may wait). So a verdict that is in the log is found before its
    /// readings are sent to an owner again.
    var replayReadingsMax: Int { scoringReadingsMax + 2 * max(appendReadingsMax, waitingReadingsMax) }
}
