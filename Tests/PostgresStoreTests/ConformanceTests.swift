import PostgresStore
import ServerHarness
import StoreConformance
import Testing

@Suite("The PostgreSQL store is a reading store", .serialized, .enabled(if: Server.isInstalled, .noServer))
struct ConformanceTests {
    @Test(arguments: ConformanceCase.all)
    func conforms(_ one: ConformanceCase) async throws {
        try await run(one, .plain)
    }

    @Test(.enabled(if: Server.hasTimescale, .noTimescale), arguments: [Mode.apache, .community], ConformanceCase.all)
    func conformsWithTimescale(_ mode: Mode, _ one: ConformanceCase) async throws {
        try await run(one, mode)
    }

    private func run(_ one: ConformanceCase, _ mode: Mode) async throws {
        let server = try Server.shared(mode)
        let database = try server.database()
        let url = try PostgresURL(server.address(database))
        try await one.run(
            StorePlace {
                PostgresStore(url: url, logger: Server.silent)
            } keeper: {
                PostgresFlockKeeper(url: url, logger: Server.silent)
            })
        try server.drop(database)
    }
}
