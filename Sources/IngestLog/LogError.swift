/// What a call to the log failed with: the code says what the caller may do, the message what a person should do.
package struct LogError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: Hashable, Sendable {
        /// The log has reached its limit: nothing was written; room comes from `trim`.
        case full
        /// The disk has no room for the next piece of the log: nothing was written; try again later.
        case diskFull
        /// More calls wait than may, or the process has no file or memory to spare; nothing was written; try again.
        case busy
        /// The records do not fit the log: wrong position, too large, or not encodable. Nothing was written.
        case invalidRecords
        /// A write or a sync failed. The log takes nothing more until the process is started again: what the disk then
        /// holds is what counts, and asking it a second time gives false answers.
        case failed
        case closed
        /// The cursor is of a log that was retired, or of no segment: take a new one.
        case staleCursor
        /// Another process (or another log in this one) holds the data folder.
        case locked
        /// The data folder cannot be made, read or written.
        case folder
        /// What is in the folder is of another program version, of two logs, or beyond reading: a person must act.
        case unusable
    }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }

    /// This error as the answer to an append: what is no passing shortage closes the log.
    var closesLog: LogError {
        switch code {
        case .diskFull, .busy, .failed: self
        default: LogError(.failed, message)
        }
    }
}
