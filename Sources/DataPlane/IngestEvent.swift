package import HashRing
package import LogFormat
package import Ports
package import Telemetry

extension IngestCore {
    /// Facts that the driver reports. Each answers one effect, but for `started`, `offered`, `ring`, `drain`, `tick`.
    package enum Event: Hashable, Sendable {
        /// The log is open.
        case started(OpenLog)
        /// Clients' batches wait for their answers.
        case offered([Offer])
        /// The records of that append are in the log; if it had readings, they are synced.
        case appended(AppendNumber)
        /// Nothing of that append is in the log.
        case appendFailed(AppendNumber, AppendFailure)
        /// Who owns what from now on.
        case ring(Ring)
        /// Verdicts on the readings of a call, in its order, but for those of slots that are somewhere else: these are asked
        /// for there.
        case scored(CallNumber, ScoreAnswer)
        /// No answer will come. The owner may have scored all the same.
        case callFailed(CallNumber, CallFailure)
        /// A transaction went in; this is the row as committed.
        case committed(Checkpoint)
        /// It did not, or nobody knows.
        case commitFailed
        /// The log's row as claimed, registered or read; nil if the store has none.
        case checkpoint(Checkpoint?)
        case checkpointUnavailable
        /// What a read found: records in log order, where to go on, and whether that is the end of what is written.
        case logRead(ReadPurpose, [LogRecord], next: LogCursor, isAtEnd: Bool)
        case logReadFailed(ReadPurpose, LogID)
        /// What the log held is now under a new name.
        case retired(OpenLog)
        /// There was no room for it: the log goes on under its old name, and is tried again.
        case retireFailed(String)
        /// The log could not be renamed or is closed: nothing is accepted any more.
        case logFailed(String)
        /// Accept no more and store what there is without waiting for company.
        case drain
        case tick
    }

    /// Orders to the driver. `acknowledge` and `refuse` answer clients, at once; the rest may run side by side (see
    /// `IngestCore`).
    package enum Effect: Hashable, Sendable {
        /// Append in this order. With readings among them it must be synced before `appended` is reported.
        case append(AppendNumber, [LogRecord])
        case acknowledge([RequestID])
        case refuse([RequestID], AcceptError)
        case call(Owner, ScoreCall)
        case commit(StoreTransaction)
        /// If the row still belongs to that life: make this one the only one that may move it. Report the row.
        case claim(LogID, from: WriterID, by: WriterID)
        /// Add the log's row, claimed, if there is none, and report it. The row of the log that it replaced is closed.
        case register(LogID, by: WriterID, replacing: LogID?)
        /// Report the log's row.
        case readCheckpoint(LogID)
        case readLog(ReadPurpose, LogID, ReadStart)
        /// Everything before the position is stored for good.
        case trim(LogID, LogPosition)
        /// The row and the log contradict each other: move what the log holds under a new name.
        case retire(LogID, RetireReason)
    }

    /// A log as it was found: its name, and the positions that it holds.
    package struct OpenLog: Hashable, Sendable {
        package let id: LogID
        /// The first position that may still be read.
        package let base: LogPosition
        /// After the last that was given.
        package let end: LogPosition
        /// The name that it had before.
        package let replaces: LogID?
        /// The lives that wrote it under this name before this one, oldest first.
        package let lives: [LogLife]

        package init(
            id: LogID, base: LogPosition, end: LogPosition, replaces: LogID? = nil, lives: [LogLife] = []
        ) {
            self.id = id
            self.base = base
            self.end = end
            self.replaces = replaces
            self.lives = lives
        }

        /// How far a former life can have moved the row: to where the next one found the log. Nil if it never wrote here:
        /// then somebody wrote with a copy of this log.
        func reach(of writer: WriterID) -> LogPosition? {
            if writer == .unclaimed, lives.isEmpty { return end }
            guard let index = lives.lastIndex(where: { $0.writer == writer }) else { return nil }
            return index + 1 < lives.count ? lives[index + 1].start : end
        }
    }

    package enum CallFailure: Hashable, Sendable {
        /// There is no way to the owner, or it died: somebody else will own its slots. Report it as soon as membership says
        /// so, for every call that is outstanding there: their slots wait for it.
        case ownerLost
        /// It did not answer in time, or could not take the call: it is asked again.
        case noAnswer
    }

    /// Why what the log holds has to be stored under a new name.
    package enum RetireReason: String, Hashable, Sendable {
        /// The store does not know the log, though parts of it were stored: it was emptied, or restored from a backup.
        case rowMissing
        /// The row is older than what was seen of it: the store was restored from a backup.
        case rowMovedBack
        /// The store has more of the log than the log itself: the disk lost records, or was restored.
        case rowBeyondLog
        /// Another process writes under this name: it was started with a copy of this folder.
        case claimedByAnother
        /// The row stands within a record.
        case rowMisplaced
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
