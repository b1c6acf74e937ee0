import Glibc
import Logging
import Ports
import SQLiteStore
import Telemetry

/// A folder of one test, removed with it.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/starling-sqlite-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw PosixError(call: "mkdtemp") }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        Self.empty(path)
        rmdir(path)
    }

    var database: String { path + "/starling.db" }

    func store(at path: String? = nil) -> SQLiteStore {
        SQLiteStore(path: path ?? database, logger: Self.silent)
    }

    static var silent: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }

    func prepared() async throws -> SQLiteStore {
        let store = store()
        _ = try await store.prepare()
        return store
    }

    private static func empty(_ folder: String) {
        guard let entries = opendir(folder) else { return }
        defer { closedir(entries) }
        while let entry = readdir(entries) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard name != ".", name != ".." else { continue }
            let path = folder + "/" + name
            if unlink(path) != 0 {
                empty(path)
                rmdir(path)
            }
        }
    }
}

struct PosixError: Error, CustomStringConvertible {
    let description: String

    init(call: String) {
        description = "\(call): \(String(cString: strerror(errno)))"
    }
}
