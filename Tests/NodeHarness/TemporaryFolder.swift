import Foundation
import Synchronization

/// A folder of one test, removed with it unless it is to be kept.
package final class TemporaryFolder: Sendable {
    package let path: String
    private let isKept = Atomic(false)

    /// - Parameter folder: where it is made; nil = where the environment says.
    package init(_ name: String = "starling", in folder: String? = nil) throws {
        let environment = ProcessInfo.processInfo.environment["TMPDIR"].flatMap { $0.isEmpty ? nil : $0 }
        let base = folder ?? environment ?? "/tmp"
        var template = Array("\(base)/\(name)-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw HarnessError(call: "mkdtemp in \(base)") }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        guard !isKept.load(ordering: .relaxed) else { return }
        try? FileManager.default.removeItem(atPath: path)
    }

    /// It stays where it is when this object goes.
    package func keep() { isKept.store(true, ordering: .relaxed) }

    package func file(_ name: String) -> String { path + "/" + name }

    /// Writes a file and returns its path.
    package func write(_ text: String, to name: String) throws -> String {
        try Data(text.utf8).write(to: URL(filePath: file(name)))
        return file(name)
    }
}
