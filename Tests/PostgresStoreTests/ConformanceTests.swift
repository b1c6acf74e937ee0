import PostgresStore
import ServerHarness
import StoreConformance
import Testing

@Suite("The PostgreSQL store is a reading store", .enabled(if: Server.isInstalled, .init(rawValue: PostgresPrograms.advice)))
struct ConformanceTests {
    @Test(arguments: ConformanceCase.all)
    func conforms(_ one: ConformanceCase) async throws {
        let server = try Server.shared()
        let url = try PostgresURL(server.address(try server.database()))
        try await one.run(StorePlace { PostgresStore(url: url, logger: Server.silent) })
    }
}
