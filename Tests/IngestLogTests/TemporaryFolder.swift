import Foundation

/// A folder of one test, removed with it.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("starling-log-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        // As the system tells it, for comparing with the paths of open files.
        path = url.resolvingSymlinksInPath().path
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    /// A path within, for a data folder that does not exist yet.
    func sub(_ name: String = "data") -> String { path + "/" + name }
}

enum Files {
    static func copy(_ from: String, to target: String) {
        try? FileManager.default.copyItem(atPath: from, toPath: target)
    }

    /// Where an open file is, by its descriptor.
    static func path(of descriptor: Int32) -> String? {
        try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(descriptor)")
    }

    static func names(in folder: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
    }

    static func segments(of data: String, log: String = "log") -> [String] {
        names(in: data + "/" + log).filter { $0.hasSuffix(".segment") }.map { "\(data)/\(log)/\($0)" }
    }

    static func bytes(of path: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: path)))
    }

    static func write(_ bytes: [UInt8], to path: String) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: path))
    }

    /// Changes some bytes of a file in place.
    static func change(_ path: String, _ body: (inout [UInt8]) -> Void) throws {
        var bytes = try bytes(of: path)
        body(&bytes)
        try write(bytes, to: path)
    }
}
