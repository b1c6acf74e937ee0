import Logging
import NodeHarness
import Ports
import PostgresStore
import ServerHarness
import Testing

/// What the server offers.
enum Mode: String, CaseIterable, Sendable {
    case plain, apache, community

    var settings: [String: String] {
        switch self {
        case .plain: [:]
        case .apache, .community:
            [
                "shared_preload_libraries": "timescaledb", "max_worker_processes": "27",
                "timescaledb.license": self == .apache ? "apache" : "timescale",
            ]
        }
    }

    var timescale: StoreKind.Timescale {
        switch self {
        case .plain: .none
        case .apache: .apache
        case .community: .community
        }
    }
}

/// Servers for all tests that do not harm them.
enum Server {
    private static let plain = make(.plain)
    private static let apache = make(.apache)
    private static let community = make(.community)

    static func shared(_ mode: Mode = .plain) throws -> PostgresServer {
        switch mode {
        case .plain: try plain.get()
        case .apache: try apache.get()
        case .community: try community.get()
        }
    }

    private static func make(_ mode: Mode) -> Result<PostgresServer, any Error> {
        Result {
            guard let programs = mode == .plain ? PostgresPrograms.found : PostgresPrograms.withTimescale else {
                throw HarnessError(PostgresPrograms.advice)
            }
            return try PostgresServer(programs, settings: mode.settings)
        }
    }

    static let isInstalled = PostgresPrograms.found != nil
    static let hasTimescale = PostgresPrograms.withTimescale != nil

    static var silent: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }

    static func store(_ address: String, passwordFile: String? = nil) throws -> PostgresStore {
        PostgresStore(url: try PostgresURL(address), passwordFile: passwordFile, logger: silent)
    }
}

extension Comment {
    static let noServer = Comment(rawValue: PostgresPrograms.advice)
    static let noTimescale = Comment(rawValue: PostgresPrograms.timescaleAdvice)
}
