import Foundation
package import Telemetry

/// What a node keeps in its data folder besides the log: which flock it belongs to, so that it finds it again while the
/// store is away, and its last incarnation, so that the next is larger whatever the clock does.
package struct FlockFile: Sendable {
    private let folder: URL

    package init(dataDirectory: String) {
        folder = URL(fileURLWithPath: dataDirectory)
    }

    /// Nil if it was never told, or the file cannot be read: the store will tell it again.
    package var flock: FlockID? {
        guard let text = read("flock") else { return nil }
        return FlockID(text)
    }

    package func remember(_ flock: FlockID) throws {
        try write("\(flock)", to: "flock")
    }

    /// Larger than at every start before: the time in microseconds, or one more than the last.
    package func nextIncarnation(now: Instant) throws -> UInt64 {
        let last = read("incarnation").flatMap { UInt64($0) } ?? 0
        let next = max(UInt64(clamping: now.microseconds), last == .max ? last : last + 1)
        try write("\(next)", to: "incarnation")
        return next
    }

    private static let bytesMax = 64

    private func read(_ name: String) -> String? {
        guard let data = try? Data(contentsOf: folder.appending(path: name)), data.count <= Self.bytesMax else {
            return nil
        }
        return String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Through a second file, so that a crash leaves the old one or the new one.
    private func write(_ text: String, to name: String) throws {
        try Data((text + "\n").utf8).write(to: folder.appending(path: name), options: .atomic)
    }
}
