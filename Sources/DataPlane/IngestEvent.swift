package import HashRing
package import LogFormat
package import Ports
package import Telemetry

extension IngestCore {
    /// Facts that the driver reports. Each answers one effect, but for `started`, `offered`, `ring`, `drain`, `tick`.
    package enum Event: Hashable, Sendable {
        /// The log is open: what it holds, and under which name.
        case started(log: LogID, base: LogPosition, end: LogPosition)
        /// Clients' batches wait for their answers.
        case offered([Offer])
        /// The records of that append are in the log; if it had readings, they are synced.
        case appended(AppendNumber)
        /// Nothing of that append is in the log.
        case appendFailed(AppendNumber, AppendFailure)
        /// Who owns what from now on.
        case ring(Ring)
        /// Verdicts on every reading of a call, in its order.
        case scored(CallNumber, VerdictBatch)
        /// No answer will come: the owner is dead, or the deadline passed. It may have scored all the same.
        case callFailed(CallNumber)
        /// A transaction went in; this is the row as committed.
        case committed(Checkpoint)
        /// It did not, or nobody knows.
        case commitFailed
        /// The log's row; nil if the store has none.
        case checkpoint(Checkpoint?)
        case checkpointUnavailable
        /// What a read found: records in log order, where to go on, and whether that is the end of what is written.
        case logRead(ReadPurpose, [LogRecord], next: LogCursor, isAtEnd: Bool)
        case logReadFailed(ReadPurpose)
        /// What the log held is now under a new name.
        case retired(log: LogID, base: LogPosition, end: LogPosition)
        /// The log could not be renamed or is closed: nothing is accepted any more.
        case logFailed(String)
        /// Accept no more and store what there is without waiting for company.
        case drain
        case tick
    }

    /// Orders to the driver. It performs them in the order given; only `acknowledge` and `refuse` answer clients.
    package enum Effect: Hashable, Sendable {
        /// Append in this order. With readings among them it must be synced before `appended` is reported.
        case append(AppendNumber, [LogRecord])
        case acknowledge([RequestID])
        case refuse([RequestID], AcceptError)
        case call(Owner, ScoreCall)
        case commit(StoreTransaction)
        /// Read the log's row.
        case readCheckpoint(LogID)
        /// Add the log's row, then report it.
        case register(LogID)
        case readLog(ReadPurpose, ReadStart)
        /// Everything before the position is stored for good.
        case trim(LogID, LogPosition)
        /// The row and the log contradict each other: move what the log holds under a new name.
        case retire(LogID)
    }

    package enum AppendFailure: Hashable, Sendable {
        /// The log or the disk is full: later, there may be room.
        case full(String)
        /// The log will never take these records; others it will.
        case refused(String)
        /// The disk failed. The log is closed for good.
        case failed(String)
    }

    /// Replay finds what has no verdict yet, once, at the start; backfill fetches what memory did not keep.
    package enum ReadPurpose: Hashable, Sendable { case replay, backfill }

    package enum ReadStart: Hashable, Sendable {
        case position(LogPosition)
        case cursor(LogCursor)
    }

    package struct RequestID: Hashable, Sendable {
        package let number: UInt64

        package init(_ number: UInt64) {
            self.number = number
        }
    }

    package struct AppendNumber: Hashable, Sendable {
        package let number: UInt64

        package init(_ number: UInt64) {
            self.number = number
        }
    }
}
