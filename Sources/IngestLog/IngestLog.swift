package import LogFormat
import Synchronization
package import Telemetry

/// The ingest log of a node: accepted readings, on disk before anyone is told that they were accepted.
///
/// One writer (its own queue) and one reader (another), so that a backlog being read never holds up an append, and
/// neither ever blocks a thread of the cooperative pool. Positions count readings; see `LogPosition`.
package final class IngestLog: Sendable {
    /// Appends and reads that may wait for their queue; each holds its records in memory.
    package static let callsWaitingMax = 1024
    /// Encoded bytes of one append; whoever has more appends twice.
    package static let appendBytesMax = 64 << 20
    /// Bytes one `read` takes at most, however much it is asked for.
    package static let readBytesMax = 16 << 20

    /// What both queues and the getters see.
    struct State {
        var id: LogID
        var replaces: LogID?
        var lives: [LogLife]
        /// By base; the last is being written. Never empty.
        var segments: [Segment]
        var end: LogPosition
        /// Why the log takes nothing more.
        var failure: LogError?
        var callsWaiting = 0

        var sizeBytes: UInt64 { segments.reduce(0) { $0 + $1.allocatedBytes } }
    }

    let folder: DataFolder
    let settings: Settings
    let state: Mutex<State>
    /// Used on `writing` alone; the lock only tells the compiler so. Nil once closed.
    let writer: Mutex<LogWriter?>
    /// Used on `reading` alone.
    let reader: Mutex<LogReader>
    let writing = SerialQueue("starling.log.write")
    let reading = SerialQueue("starling.log.read")

    private init(folder: DataFolder, settings: Settings, opened: LogOpening.Opened) {
        self.folder = folder
        self.settings = settings
        life = opened.life
        state = Mutex(
            State(
                id: opened.id, replaces: opened.replaces, lives: opened.lives, segments: opened.segments,
                end: opened.end))
        let last = opened.segments[opened.segments.count - 1]
        writer = Mutex(
            LogWriter(
                folder: folder, settings: settings, id: opened.id, replaces: opened.replaces, current: last,
                file: opened.file, end: opened.end))
        reader = Mutex(LogReader(calls: folder.calls))
    }

    /// Opens the log in `directory`, which is made if it does not exist, and takes the folder's lock. Blocks: every
    /// segment is read and checked.
    /// - Parameters:
    ///   - newID: the log's id if there is no log yet.
    ///   - writer: this life of the process; drawn at random but in tests.
    ///   - calls: replaced by tests that need a disk to fail.
    package static func open(
        directory: String, settings: Settings, newID: LogID, writer: WriterID? = nil, calls: FileCalls = .system
    ) throws(LogError) -> (IngestLog, LogRecovery) {
        var random = SystemRandomNumberGenerator()
        let writer = writer ?? WriterID(using: &random)
        let folder = try DataFolder(path: directory, calls: calls)
        var opening = LogOpening(folder: folder, settings: settings)
        let opened = try opening.run(newID: newID, writer: writer)
        return (IngestLog(folder: folder, settings: settings, opened: opened), opened.recovery)
    }

    // MARK: What it holds

    package var id: LogID { state.withLock { $0.id } }
    /// The log that this one was made from by `retire`, in this life of the process or an earlier one.
    package var replaces: LogID? { state.withLock { $0.replaces } }
    /// This life of the process: written down with the log before anything is written to it.
    package let life: WriterID
    /// The lives that wrote this log before this one, oldest first.
    package var lives: [LogLife] { state.withLock { $0.lives } }
    /// The first position that may still be held.
    package var base: LogPosition { state.withLock { $0.segments[0].base } }
    /// After the last reading written, synced or not.
    package var end: LogPosition { state.withLock { $0.end } }
    /// Disk space taken, that set aside included.
    package var sizeBytes: UInt64 { state.withLock { $0.sizeBytes } }
    package var limitBytes: UInt64 { settings.limitBytes }

    // MARK: Appending

    /// Writes `records` in the order of calls, and with `sync` makes them and everything before durable. Whoever wants
    /// group commit hands over many records at once: one call is one sync. No records and `sync` is a sync alone.
    ///
    /// Readings may begin beyond the end: what lies between is lost, and shows as a gap between positions for ever. That
    /// is for a caller who knows that the log once reached further than its disk says: no position may be given twice.
    /// Verdicts are on readings that were synced, so that they prove how far the log reached should its end be damaged.
    ///
    /// - Throws: `.full` (the limit; verdicts alone may exceed it by `Settings.verdictsOvershootBytes`), `.diskFull`,
    ///   `.busy`, `.invalidRecords`: nothing was written, positions did not move. `.failed`, now and ever after: what
    ///   is on disk is unknown until the log is opened again. `.closed`.
    package func append(_ records: [LogRecord], sync: Bool) async throws(LogError) {
        try beginCall()
        let result = await writing.run { () -> Result<Void, LogError> in
            self.endCall()
            return self.appendNow(records, sync: sync)
        }
        try result.get()
    }

    private func appendNow(_ records: [LogRecord], sync: Bool) -> Result<Void, LogError> {
        let (failure, otherBytes) = state.withLock { state in
            (state.failure, state.segments.dropLast().reduce(0) { $0 + $1.allocatedBytes })
        }
        if let failure { return .failure(failure) }
        do throws(LogError) {
            if !records.isEmpty { try write(records, otherBytes: otherBytes) }
            if sync { try writer.withLock { (writer) throws(LogError) in try writer?.sync() } }
            return .success(())
        } catch {
            if error.code == .failed { state.withLock { $0.failure = error } }
            return .failure(error)
        }
    }

    private func write(_ records: [LogRecord], otherBytes: UInt64) throws(LogError) {
        try writer.withLock { (writer) throws(LogError) in
            guard let before = writer?.current else { return }
            // Also of an append that failed: it may have set space aside, or given some back.
            var written = [before]
            defer { publish(written, end: writer?.end) }
            do throws(LogError) {
                written = try writer?.append(records, otherBytes: otherBytes) ?? written
            } catch {
                written = [writer?.current ?? before]
                throw error
            }
        }
    }

    /// Shows readers and getters what an append did; `segments` take the place of the last one.
    private func publish(_ segments: [Segment], end: LogPosition?) {
        state.withLock { state in
            let index = state.segments.count - 1
            let isDamaged = state.segments[index].isDamaged
            state.segments.replaceSubrange(index..., with: segments)
            state.segments[index].isDamaged = isDamaged
            state.end = end ?? state.end
        }
    }

    // MARK: Closing

    /// Waits for what was called before, syncs, and lets go of the folder. Every later call throws `.closed`.
    package func close() async {
        await writing.run {
            let wasOpen = self.state.withLock { state in
                defer { state.failure = LogError(.closed, "the log in \(self.folder.path) is closed") }
                return state.failure == nil
            }
            // Verdicts may not be synced yet. If this fails, a few readings are scored again: nothing is owed.
            self.writer.withLock { writer in
                if wasOpen { try? writer?.sync() }
                writer = nil
            }
        }
        await reading.run {
            self.reader.withLock { $0.forget() }
            self.folder.unlock()
        }
    }

    // MARK: Calls that wait

    func beginCall() throws(LogError) {
        let isFull = state.withLock { state in
            if state.callsWaiting >= Self.callsWaitingMax { return true }
            state.callsWaiting += 1
            return false
        }
        if isFull {
            throw LogError(.busy, "\(Self.callsWaitingMax) calls wait for the log in \(folder.path); try again later")
        }
    }

    func endCall() {
        state.withLock { $0.callsWaiting -= 1 }
    }
}
