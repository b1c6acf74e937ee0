import Foundation

/// A file of the repository, as the rules see it.
struct SourceFile: Sendable {
    /// From the root of the repository: `Sources/Telemetry/Reading.swift`.
    let path: String
    let text: String
    /// The text with comments and the insides of string literals blanked, line for line.
    let code: String

    init(path: String, text: String) {
        self.path = path
        self.text = text
        code = SourceText.withoutCommentsAndStrings(text)
    }

    var linesCount: Int { text.utf8.count { $0 == 0x0A } + (text.isEmpty || text.utf8.last == 0x0A ? 0 : 1) }

    var codeLines: [Substring] { code.split(separator: "\n", omittingEmptySubsequences: false) }

    /// `Telemetry` of `Sources/Telemetry/Reading.swift`.
    var target: String? {
        let parts = path.split(separator: "/")
        return parts.count > 2 ? String(parts[1]) : nil
    }
}

/// The repository around these tests.
enum Repository {
    static let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    static func read(_ path: String) throws -> String {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    /// The Swift files below a folder, sorted by path.
    static func swiftFiles(in folder: String) throws -> [SourceFile] {
        let base = root.appending(path: folder)
        let paths = try FileManager.default.subpathsOfDirectory(atPath: base.path)
        return try paths.filter { $0.hasSuffix(".swift") }.sorted().map { path in
            SourceFile(path: "\(folder)/\(path)", text: try read("\(folder)/\(path)"))
        }
    }

    static func files(in folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: root.appending(path: folder).path).sorted()
    }
}
