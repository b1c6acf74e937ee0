import Glibc
import LogFormat
import Telemetry

extension DataFolder {
    private static let livesName = "/lives"

    /// Who wrote the log in this folder before; none if nobody knows.
    func lives(of log: LogID, in folder: String) -> [LogLife] {
        var number: Int32 = 0
        guard let file = OpenFile(path: folder + Self.livesName, flags: O_RDONLY, number: &number) else { return [] }
        var bytes = [UInt8](repeating: 0, count: LogLife.bytesCount)
        let read = bytes.withUnsafeMutableBytes { calls.read(file.descriptor, $0, 0) }
        guard read == bytes.count else { return [] }
        return bytes.withUnsafeBytes { LogLife.decode($0, of: log) }
    }

    /// Durable when it returns: before the life that is last in it writes anything.
    func write(_ lives: [LogLife], of log: LogID, in folder: String) throws(LogError) {
        let path = folder + Self.livesName
        let file = try open(path, flags: O_RDWR | O_CREAT)
        let isNew = file.bytesCount == 0
        let number = LogLife.encode(lives, of: log).withUnsafeBytes { calls.writeAll($0, to: file, at: 0) }
        guard number == 0 else { throw failure("cannot write \(path)", number) }
        let synced = calls.uninterrupted { calls.syncAll(file.descriptor) }
        guard synced == 0 else { throw failure("cannot sync \(path)", synced) }
        if isNew { try syncFolder(folder) }
    }
}
