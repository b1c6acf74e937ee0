import Glibc
import LogFormat
import Synchronization
import Telemetry

/// The folder of a node's data, held against every other process.
///
///     lock             held as long as the log is open; has the holder's process id
///     log/             the segments
///     log.new/         a log being copied under a new id; nothing yet
///     log.old/         the log it replaced, being removed
///     damaged/         segments with damage, kept for a person to look at
final class DataFolder: Sendable {
    /// Segments kept in `damaged/`; the oldest make room.
    static let damagedCountMax = 8
    private static let lockTextBytesMax = 32

    let path: String
    let calls: FileCalls
    private let lock: Mutex<OpenFile?>

    var log: String { path + "/log" }
    var newLog: String { path + "/log.new" }
    var oldLog: String { path + "/log.old" }
    var damaged: String { path + "/damaged" }

    /// Makes the folder if need be, and takes its lock.
    init(path: String, calls: FileCalls) throws(LogError) {
        self.path = path
        self.calls = calls
        try Self.make(path)
        lock = Mutex(try Self.takeLock(at: path + "/lock", folder: path))
    }

    /// Lets another process have the folder.
    func unlock() {
        lock.withLock { $0 = nil }
    }

    // MARK: Lock

    private static func takeLock(at path: String, folder: String) throws(LogError) -> OpenFile {
        var number: Int32 = 0
        guard let file = OpenFile(path: path, flags: O_RDWR | O_CREAT, number: &number) else {
            throw LogError(
                .folder,
                "cannot open \(path): \(FileCalls.text(of: number)). Make \(folder) writable for this user, or choose "
                    + "another --data-dir.")
        }
        number = lockPatiently(file)
        guard number == 0 else {
            guard number == EWOULDBLOCK else {
                throw LogError(
                    .folder,
                    "cannot lock \(path): \(FileCalls.text(of: number)). Put --data-dir on a local file system.")
            }
            let holder = text(in: file).map { "process \($0)" } ?? "another process"
            throw LogError(
                .locked, "\(folder) is in use by \(holder). Stop it, or give this node a --data-dir of its own.")
        }
        // The text is for people; the lock holds without it.
        let text = Array("\(getpid())\n".utf8)
        if ftruncate(file.descriptor, 0) == 0 { _ = pwrite(file.descriptor, text, text.count, 0) }
        return file
    }

    /// A predecessor may be on its way out, and a child that any process here starts holds what it inherited until it
    /// runs its own program: a lock that is let go within half a second is no conflict.
    /// - Returns: 0, or the error of the last try.
    private static func lockPatiently(_ file: OpenFile) -> Int32 {
        for attempt in 1...lockTriesMax {
            if flock(file.descriptor, LOCK_EX | LOCK_NB) == 0 { return 0 }
            let number = errno
            guard number == EWOULDBLOCK, attempt < lockTriesMax else { return number }
            _ = poll(nil, 0, lockPauseMilliseconds)
        }
        return EWOULDBLOCK
    }

    private static let lockTriesMax = 25
    private static let lockPauseMilliseconds: Int32 = 20

    private static func text(in file: OpenFile) -> String? {
        var bytes = [UInt8](repeating: 0, count: lockTextBytesMax)
        let read = pread(file.descriptor, &bytes, bytes.count, 0)
        guard read > 0 else { return nil }
        let digits = bytes[..<read].prefix { (48...57).contains($0) }
        return digits.isEmpty ? nil : String(decoding: digits, as: UTF8.self)
    }

    // MARK: Folders

    static func make(_ path: String) throws(LogError) {
        var made = path.hasPrefix("/") ? "" : "."
        for part in path.split(separator: "/") {
            let parent = made
            made += "/" + part
            if mkdir(made, 0o750) == 0 {
                try syncEntries(of: parent.isEmpty ? "/" : parent)
                continue
            }
            let number = errno
            if number == EEXIST { continue }
            var status = stat()
            // A parent that may not be written need not be, where the folder exists (read-only mounts say EROFS).
            if stat(made, &status) == 0, status.st_mode & S_IFMT == S_IFDIR { continue }
            throw LogError(
                .folder,
                "cannot make the folder \(made): \(FileCalls.text(of: number)). Make it by hand for this user, or "
                    + "choose another --data-dir.")
        }
        guard isFolder(path) else {
            throw LogError(.folder, "\(path) is not a folder. Move it away, or choose another --data-dir.")
        }
    }

    /// A folder whose entry is not durable takes all that is in it along.
    private static func syncEntries(of folder: String) throws(LogError) {
        var number: Int32 = 0
        guard let file = OpenFile(path: folder, flags: O_RDONLY | O_DIRECTORY, number: &number) else {
            return  // may be entered but not read: then it is not ours, and was there before
        }
        guard fsync(file.descriptor) == 0 else {
            throw LogError(.folder, "cannot sync \(folder): \(FileCalls.text(of: errno)). Check the disk.")
        }
    }

    static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// The names in a folder, sorted.
    func names(in folder: String) throws(LogError) -> [String] {
        guard let stream = opendir(folder) else { throw failure("cannot list \(folder)", errno) }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// The bases of the segments in a folder, in order.
    func segmentBases(in folder: String) throws(LogError) -> [LogPosition] {
        try names(in: folder).compactMap { Segment.base(ofName: $0) }.sorted()
    }

    func open(_ path: String, flags: Int32) throws(LogError) -> OpenFile {
        var number: Int32 = 0
        guard let file = OpenFile(path: path, flags: flags, number: &number) else {
            throw failure("cannot open \(path)", number)
        }
        return file
    }

    /// Makes what happened to a folder's entries durable.
    func syncFolder(_ folder: String) throws(LogError) {
        let file = try open(folder, flags: O_RDONLY | O_DIRECTORY)
        let number = calls.uninterrupted { calls.syncAll(file.descriptor) }
        guard number == 0 else { throw failure("cannot sync the folder \(folder)", number) }
    }

    /// Renames within the data folder, durably.
    func move(_ from: String, to target: String) throws(LogError) {
        let number = calls.rename(from, target)
        guard number == 0 else { throw failure("cannot rename \(from) to \(target)", number) }
        try syncFolder(path)
    }

    /// Removes a folder and the files in it. What cannot be removed is tried again when the log is opened next.
    func remove(folder: String) {
        for name in (try? names(in: folder)) ?? [] { _ = calls.unlink(folder + "/" + name) }
        _ = rmdir(folder)
    }

    /// Moves a damaged segment to where nobody deletes it but this function.
    func setAside(_ path: String, log: LogID, base: LogPosition) {
        guard (try? Self.make(damaged)) != nil else { return }
        var kept = ((try? names(in: damaged)) ?? []).map { (name: $0, age: modificationTime(of: damaged + "/" + $0)) }
        kept.sort { ($0.age, $0.name) < ($1.age, $1.name) }
        for oldest in kept.prefix(max(0, kept.count + 1 - Self.damagedCountMax)) {
            _ = calls.unlink(damaged + "/" + oldest.name)
        }
        if calls.rename(path, "\(damaged)/\(log)-\(Segment.name(of: base))") != 0 { _ = calls.unlink(path) }
    }

    private func modificationTime(of path: String) -> Int {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mtim.tv_sec : 0
    }

    func failure(_ what: String, _ number: Int32) -> LogError {
        let said = "\(what): \(FileCalls.text(of: number)). "
        switch number {
        case ENOSPC, EDQUOT:
            return LogError(.diskFull, said + "Free space on the disk of \(path).")
        case EMFILE, ENFILE, ENOMEM:
            return LogError(.busy, said + "Allow the node more open files (ulimit -n) or memory.")
        default:
            return LogError(.folder, said + "Check the disk and the rights of \(path), then start the node again.")
        }
    }
}
