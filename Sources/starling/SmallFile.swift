import Foundation

/// Reads a whole file that must not be large.
enum SmallFile {
    static func read(_ path: String, bytesMax: Int) throws -> [UInt8] {
        guard let handle = FileHandle(forReadingAtPath: path) else {
            let reason = FileManager.default.fileExists(atPath: path) ? "it cannot be opened" : "no such file"
            throw Failure("cannot read \(path): \(reason)")
        }
        defer { try? handle.close() }
        let data: Data
        do { data = try handle.read(upToCount: bytesMax + 1) ?? Data() } catch {
            throw Failure("cannot read \(path): \(error.localizedDescription)")
        }
        guard data.count <= bytesMax else { throw Failure("\(path) is larger than \(bytesMax) bytes") }
        return [UInt8](data)
    }
}
