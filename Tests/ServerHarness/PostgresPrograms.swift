import Foundation
import NodeHarness

/// The programs of one PostgreSQL installation.
package struct PostgresPrograms: Sendable {
    package let folder: String

    /// What STARLING_POSTGRES_BIN names, else the newest of Debian's, else what is in `PATH`; nil if there is none.
    package static let found: PostgresPrograms? = {
        if let named = ProcessInfo.processInfo.environment["STARLING_POSTGRES_BIN"], !named.isEmpty {
            return PostgresPrograms(folder: named)
        }
        let base = "/usr/lib/postgresql"
        let versions = ((try? FileManager.default.contentsOfDirectory(atPath: base)) ?? []).compactMap(Int.init)
        let folders = versions.sorted(by: >).map { "\(base)/\($0)/bin" }
        let inPath = Programs.find("postgres").map { String($0.dropLast("/postgres".count)) }
        return (folders + [inPath].compactMap { $0 }).map { PostgresPrograms(folder: $0) }.first(where: \.isWhole)
    }()

    package static let advice = """
        NO POSTGRESQL SERVER HERE, so nothing of PostgresStore is tested: install postgresql (Debian, Ubuntu), or name \
        the folder of its programs in STARLING_POSTGRES_BIN
        """

    /// The same, of a server that has TimescaleDB: what STARLING_TIMESCALE_BIN names, else `found` if it has it.
    package static let withTimescale: PostgresPrograms? = {
        if let named = ProcessInfo.processInfo.environment["STARLING_TIMESCALE_BIN"], !named.isEmpty {
            return PostgresPrograms(folder: named)
        }
        return found.flatMap { $0.hasTimescale ? $0 : nil }
    }()

    package static let timescaleAdvice = """
        NO TIMESCALEDB HERE, so the store is tested on plain PostgreSQL alone: install it for the newest server, or \
        name the folder of the programs of a server that has it in STARLING_TIMESCALE_BIN
        """

    private var hasTimescale: Bool {
        let result = try? ChildProcess.run(path("pg_config"), ["--sharedir"])
        let share = result?.output.trimmingCharacters(in: .whitespacesAndNewlines) ?? ""
        return FileManager.default.fileExists(atPath: share + "/extension/timescaledb.control")
    }

    private var isWhole: Bool {
        ["initdb", "postgres", "psql"].allSatisfy { FileManager.default.isExecutableFile(atPath: path($0)) }
    }

    package func path(_ program: String) -> String { "\(folder)/\(program)" }

    /// The command line that runs a program as a user who is not root, as the server demands; it becomes the program.
    func unprivileged(_ program: String, _ arguments: [String]) throws -> [String] {
        let command = [path(program)] + arguments
        guard getuid() == 0 else { return command }
        guard let setpriv = Programs.find("setpriv") else { throw HarnessError("no setpriv: install util-linux") }
        return [setpriv, "--reuid=\(Self.user)", "--regid=\(Self.user)", "--clear-groups"] + command
    }

    /// The packages of the server bring this user along.
    static let user = "postgres"
}
