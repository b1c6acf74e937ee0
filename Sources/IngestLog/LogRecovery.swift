package import LogFormat
package import Telemetry

/// What opening a log found; for one line in the node's log, and for its counters.
package struct LogRecovery: Hashable, Sendable {
    /// There was no log: this one was made.
    package var isNew = false
    package var segments = 0
    package var records = 0
    /// Bytes read and checked.
    package var checkedBytes: UInt64 = 0
    /// Bytes cut from the end: a write that a crash interrupted, never answered for.
    package var tornBytes: UInt64 = 0
    /// Runs of bad bytes followed by valid records. They are skipped, their segments are kept.
    package var damagedSpans = 0
    package var damagedBytes: UInt64 = 0
    /// Readings that the positions say were there, and are not: damaged, or skipped since the log had lost its end.
    package var missingReadings: UInt64 = 0
    /// A change of the log's id that was interrupted, and is now finished or undone.
    package var settledRetirement = false

    package init() {}

    package var isClean: Bool { tornBytes == 0 && damagedSpans == 0 && missingReadings == 0 && !settledRetirement }
}

/// Part of a log, as `IngestLog.read` found it.
package struct LogChunk: Hashable, Sendable {
    package let records: [LogRecord]
    /// Where to go on.
    package let next: LogCursor
    /// Nothing was written after `next` when it was read.
    package let isAtEnd: Bool
    /// Runs of bytes in this chunk that are no records; the positions around them say what was lost.
    package let damagedSpans: Int
    /// Every reading before it was in this chunk or an earlier one, or is lost. May stay behind the records of an
    /// earlier chunk: keep the highest.
    package let position: LogPosition

    package init(
        records: [LogRecord], next: LogCursor, isAtEnd: Bool, damagedSpans: Int, position: LogPosition
    ) {
        self.records = records
        self.next = next
        self.isAtEnd = isAtEnd
        self.damagedSpans = damagedSpans
        self.position = position
    }
}
