import Foundation

/// Runs a program of the machine and returns what it said.
enum Tool {
    struct Result: Sendable {
        let status: Int32
        let output: String
    }

    /// The path of a program in `PATH`; nil if there is none.
    static func find(_ name: String) -> String? {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        return path.split(separator: ":").map { "\($0)/\(name)" }.first {
            FileManager.default.isExecutableFile(atPath: $0)
        }
    }

    /// - Parameter name: of a program in `PATH`, or its whole path.
    static func run(
        _ name: String, _ arguments: [String], in folder: URL, environment: [String: String]? = nil
    ) throws -> Result {
        guard let program = name.hasPrefix("/") ? name : find(name) else {
            return Result(status: 127, output: "no \(name) in PATH")
        }
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        process.currentDirectoryURL = folder
        if let environment { process.environment = environment }
        process.standardInput = FileHandle.nullDevice
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        // To the end before the wait: a full pipe would stop the program.
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Result(status: process.terminationStatus, output: String(decoding: output, as: UTF8.self))
    }

    /// Runs `body` with a folder of its own, and removes it.
    static func withFolder<Value>(_ body: (URL) throws -> Value) throws -> Value {
        let folder = FileManager.default.temporaryDirectory.appending(path: "tidy-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        return try body(folder)
    }
}
