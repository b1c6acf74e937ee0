import Foundation

/// A program of the machine that judges what we write better than we could.
enum Tool {
    struct Missing: Error, CustomStringConvertible {
        let description: String
    }

    /// Runs it and returns its status and everything it said.
    static func run(_ program: String, _ arguments: [String], input: Data = Data()) throws -> (
        status: Int32, text: String
    ) {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [program] + arguments
        let file = FileManager.default.temporaryDirectory.appending(path: "starling-\(UUID().uuidString)")
        try input.write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        process.standardInput = try FileHandle(forReadingFrom: file)
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        if process.terminationStatus == 127 { throw Missing(description: "\(program) is missing: \(text)") }
        return (process.terminationStatus, text)
    }
}
