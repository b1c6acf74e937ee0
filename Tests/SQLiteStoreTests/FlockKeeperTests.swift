import Ports
import SQLiteStore
import Telemetry
import Testing

/// Whose a file is, where it is no good one; what every store does alike is in the conformance suite.
@Suite struct FlockKeeperTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private var keeper: SQLiteFlockKeeper { SQLiteFlockKeeper(path: folder.database) }

    private func unusable() async -> String {
        do {
            return "\(try await keeper.record())"
        } catch {
            return error.code == .unusable ? error.message : "another code: \(error)"
        }
    }

    @Test func whatIsNotThereIsNotMade() async throws {
        #expect(await unusable().contains("there is no \(folder.database)"))
        #expect(await unusable().contains("there is no \(folder.database)"))
    }

    @Test func whatIsNoStoreIsNamed() async throws {
        try RawDatabase(folder.database, isCreated: true).execute("CREATE TABLE recipes (name TEXT)")
        #expect(await unusable().contains("another program"))
        try RawDatabase(folder.database).execute("DROP TABLE recipes")
        #expect(await unusable().contains("is empty"))
    }

    @Test func aDamagedIdentityIsNamed() async throws {
        await (try await folder.prepared()).close()
        try RawDatabase(folder.database).execute("UPDATE flock SET uuid = 'nonsense'")
        #expect(await unusable().contains("damaged"))
    }

    /// Nodes of an older program may come back to it: they would refuse a newer schema.
    @Test func anOlderSchemaStaysAsItIs() async throws {
        let store = try await folder.prepared()
        let flock = try await store.prepare()
        await store.close()
        try RawDatabase(folder.database).execute(PruneTests.backToSecondSchema)
        let record = try await keeper.record()
        #expect(record.flock == flock && record.lastSign == nil && record.life == nil)
        try await keeper.rename(flock, to: FlockID(high: 1, low: 2))
        #expect(try RawDatabase(folder.database).numbers("SELECT schema_version FROM flock") == [2])
        #expect(try await folder.store().prepare() == FlockID(high: 1, low: 2))
    }

    @Test(
        arguments: [
            (false, nil, nil), (true, nil, "open"), (true, -3_600, "open"), (false, -3_600, nil), (false, -120, nil),
            (false, -119, "119 s ago"), (false, 0, "0 s ago"), (false, 10, nil),
        ] as [(Bool, Int64?, String?)])
    func lifeIsAnOpenStoreOrAFreshSign(_ isOpen: Bool, _ signSeconds: Int64?, _ words: String?) {
        let now = Instant(microseconds: 1_800_000_000_000_000)
        let record = FlockRecord(
            flock: FlockID(high: 1, low: 2), isOpenElsewhere: isOpen,
            lastSign: signSeconds.map { now.advanced(byMicroseconds: $0 * 1_000_000) }, askedAt: now)
        #expect(words.map { record.life?.contains($0) == true } ?? (record.life == nil), "\(record.life ?? "nil")")
    }
}
