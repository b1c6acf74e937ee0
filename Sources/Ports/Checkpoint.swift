package import Telemetry

/// The row of a log: how far it is stored, and its ledger so far. accepted = stored + duplicates + discarded + damaged
/// holds for the readings before `position`.
package struct Checkpoint: Hashable, Sendable {
    package var log: LogID
    package var node: String
    /// Who may move it.
    package var writer: WriterID
    package var position: LogPosition
    /// How far the log was synced when this row was written: what lies between is `orphaned` if the log has no node.
    package var accepted: LogPosition
    package var stored: UInt64
    package var duplicates: UInt64
    /// Received before their device was deleted, or moved to quarantine.
    package var discarded: UInt64
    package var damaged: UInt64

    package init(
        log: LogID, node: String, writer: WriterID, position: LogPosition = .start, accepted: LogPosition = .start,
        stored: UInt64 = 0, duplicates: UInt64 = 0, discarded: UInt64 = 0, damaged: UInt64 = 0
    ) {
        self.log = log
        self.node = node
        self.writer = writer
        self.position = position
        self.accepted = accepted
        self.stored = stored
        self.duplicates = duplicates
        self.discarded = discarded
        self.damaged = damaged
    }
}

/// Readings with their verdicts, as they stand at `position` in a log.
package struct ScoredBatch: Hashable, Sendable {
    package let position: LogPosition
    package let readings: ReadingBatch
    package let verdicts: VerdictBatch

    package init(position: LogPosition, readings: ReadingBatch, verdicts: VerdictBatch) {
        precondition(
            readings.count == verdicts.count, "\(verdicts.count) verdicts on \(readings.count) readings")
        self.position = position
        self.readings = readings
        self.verdicts = verdicts
    }

    package var end: LogPosition { position + readings.count }
}

/// One step of a log's checkpoint: everything accepted in `start..<end`, `damaged` of it lost on disk.
package struct StoreTransaction: Hashable, Sendable {
    package let log: LogID
    package let writer: WriterID
    package let start: LogPosition
    package let end: LogPosition
    package let batches: [ScoredBatch]
    package let damaged: UInt64
    /// How far the log is synced now; goes into the row.
    package let accepted: LogPosition

    package init(
        log: LogID, writer: WriterID, start: LogPosition, end: LogPosition, batches: [ScoredBatch], damaged: UInt64,
        accepted: LogPosition
    ) {
        self.log = log
        self.writer = writer
        self.start = start
        self.end = end
        self.batches = batches
        self.damaged = damaged
        self.accepted = accepted
    }

    package var readingsCount: Int { batches.reduce(0) { $0 + $1.readings.count } }
}
