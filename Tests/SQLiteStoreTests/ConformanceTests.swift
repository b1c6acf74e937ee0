import SQLiteStore
import StoreConformance
import Testing

@Suite("The SQLite store is a reading store")
struct ConformanceTests {
    @Test(arguments: ConformanceCase.all)
    func conforms(_ one: ConformanceCase) async throws {
        let folder = try TemporaryFolder()
        try await one.run(
            StorePlace {
                folder.store()
            } keeper: {
                SQLiteFlockKeeper(path: folder.database)
            })
    }
}
