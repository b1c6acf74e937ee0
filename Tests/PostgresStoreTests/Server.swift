import Logging
import NodeHarness
import PostgresStore
import ServerHarness
import Synchronization

/// One server for all tests that do not harm it.
enum Server {
    private static let made: Result<PostgresServer, any Error> = Result {
        guard let programs = PostgresPrograms.found else { throw HarnessError(PostgresPrograms.advice) }
        return try PostgresServer(programs)
    }

    static func shared() throws -> PostgresServer { try made.get() }

    static let isInstalled = PostgresPrograms.found != nil

    static var silent: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }

    static func store(_ address: String, passwordFile: String? = nil) throws -> PostgresStore {
        PostgresStore(url: try PostgresURL(address), passwordFile: passwordFile, logger: silent)
    }
}
