import Glibc
import HashRing
import Ports
import SQLiteStore
import Telemetry
import Testing

@Suite("Opening a SQLite store")
struct OpeningTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    /// Prepares a store and returns why it cannot be used.
    private func unusable(_ path: String) async throws -> String {
        let store = folder.store(at: path)
        let error = await #expect(throws: StoreError.self) { _ = try await store.prepare() }
        #expect(error?.code == .unusable)
        #expect(!store.isReachable)
        await store.close()
        return error?.message ?? ""
    }

    @Test func missingFoldersAreMade() async throws {
        let store = folder.store(at: folder.path + "/a/b/starling.db")
        _ = try await store.prepare()
        await store.close()
        #expect(access(folder.path + "/a/b/starling.db", R_OK) == 0)
    }

    /// Real processes, as `cluster/up` starts them: one makes the file, and who closes it folds the log into it meanwhile.
    @Test func processesThatStartAtOnceAreOneFlock() async throws {
        await withTaskGroup { group in
            for number in 0..<5 {
                group.addTask {
                    await #expect(processExitsWith: .success) {
                        [path = folder.database as String, number = number as Int] in
                        let store = SQLiteStore(path: path, logger: TemporaryFolder.silent)
                        let flock = try await store.prepare()
                        let log = LogID(high: 3, low: UInt64(number))
                        _ = try await store.register(log: log, node: "\(flock)", by: Work.writer, replacing: nil)
                        await store.close()
                    }
                }
            }
        }
        let store = try await folder.prepared()
        let rows = try await store.checkpoints()
        #expect(rows.map(\.log) == (0..<5).map { LogID(high: 3, low: $0) })
        #expect(Set(rows.map(\.node)) == ["\(try await store.prepare())"])
        await store.close()
    }

    @Test func twoSpellingsAreOneFile() async throws {
        try #require(symlink(folder.path, folder.path + "/link") == 0)
        let one = folder.store()
        let other = folder.store(at: folder.path + "/link/./starling.db")
        #expect(try await one.prepare() == other.prepare())
        #expect(access(folder.database + ".turn", R_OK) == 0)
        await one.close()
        await other.close()
    }

    @Test(arguments: ["", "/", "folder/", "a\0b"])
    func aPathThatIsNoFileIsRefused(_ path: String) async throws {
        #expect(try await unusable(path).contains("--store"))
    }

    @Test func aFileInTheFoldersPlaceIsRefused() async throws {
        try write("not a folder", to: folder.path + "/file")
        #expect(try await unusable(folder.path + "/file/starling.db").contains("folder"))
    }

    @Test func aFolderInTheFilesPlaceIsRefused() async throws {
        try #require(mkdir(folder.database, 0o755) == 0)
        _ = try await unusable(folder.database)
    }

    @Test func aFileThatIsNoDatabaseIsRefusedAndKept() async throws {
        let text = String(repeating: "This is a letter to my aunt. ", count: 200)
        try write(text, to: folder.database)
        let message = try await unusable(folder.database)
        #expect(message.contains("not a SQLite database"))
        #expect(try read(folder.database) == text)
    }

    @Test func aDatabaseOfAnotherProgramIsRefusedAndKept() async throws {
        try RawDatabase(folder.database, isCreated: true).execute("CREATE TABLE recipes (name TEXT)")
        let before = try read(folder.database)
        #expect(try await unusable(folder.database).contains("another program"))
        #expect(try read(folder.database) == before)
    }

    @Test func aNewerSchemaIsRefused() async throws {
        await (try await folder.prepared()).close()
        try RawDatabase(folder.database).execute("UPDATE flock SET schema_version = 99")
        let message = try await unusable(folder.database)
        #expect(message.contains("99"))
        #expect(message.contains("newer starling"))
    }

    @Test(arguments: [
        "DELETE FROM flock", "UPDATE flock SET uuid = 'nonsense'", "UPDATE flock SET schema_version = -1",
    ])
    func aDamagedIdentityIsRefused(_ sql: String) async throws {
        await (try await folder.prepared()).close()
        try RawDatabase(folder.database).execute(sql)
        #expect(try await unusable(folder.database).contains("damaged"))
    }

    /// As the first schema left it; and a program of that time may still write, beside one of today.
    @Test func aFileOfTheFirstSchemaIsTakenOver() async throws {
        let store = try await folder.prepared()
        var row = try await Work.register(store)
        row = try await store.commit(Work.transaction(at: row.position))
        let tombstone = try #require(try await store.delete(Work.series(1).device, isKnown: true))
        await store.close()
        try RawDatabase(folder.database).execute(
            """
            \(PruneTests.backToSecondSchema);
            ALTER TABLE checkpoints DROP COLUMN writer;
            DROP INDEX tombstones_by_slot;
            ALTER TABLE tombstones DROP COLUMN slot;
            UPDATE flock SET schema_version = 1;
            """)

        let upgraded = try await folder.prepared()
        row.writer = WriterID(0)
        #expect(try await upgraded.checkpoint(of: Work.log) == row)
        row.writer = Work.writer
        #expect(try await upgraded.claim(log: Work.log, from: WriterID(0), by: Work.writer) == row)
        row = try await upgraded.commit(Work.transaction(at: row.position))
        #expect(row.stored == UInt64(Work.readingsPerStep * 7 / 4), "the tombstone still covers one device of four")
        let buried = Tombstone(device: Work.series(1).device, time: tombstone)
        let slot = Slot(of: buried.device)
        #expect(try await upgraded.tombstones(in: [slot], limit: 10) == [buried])
        let late = "INSERT INTO tombstones (device, time) VALUES ('late', 12)"
        try RawDatabase(folder.database).execute(late)
        await upgraded.close()

        let again = try await folder.prepared()
        let found = try await again.tombstones(in: [Slot(of: DeviceID(unchecked: "late"))], limit: 10)
        #expect(found == [Tombstone(device: DeviceID(unchecked: "late"), time: Instant(microseconds: 12))])
        #expect(try await again.checkpoint(of: Work.log) == row)
        await again.close()
        #expect(try RawDatabase(folder.database).numbers("SELECT schema_version FROM flock") == [5])
    }

    @Test func aReplacedFileIsNoticed() async throws {
        let store = try await folder.prepared()
        let row = try await Work.register(store)
        try #require(rename(folder.database, folder.database + ".away") == 0)
        let error = await #expect(throws: StoreError.self) {
            _ = try await store.commit(Work.transaction(at: row.position))
        }
        #expect(error?.code == .unusable)
        #expect(error?.message.contains("put it back") == true)
        try #require(rename(folder.database + ".away", folder.database) == 0)
        #expect(try await store.commit(Work.transaction(at: row.position)).stored == UInt64(Work.readingsPerStep))
        await store.close()
    }

    @Test func anInterruptedDeletionIsFinished() async throws {
        let store = try await folder.prepared()
        _ = try await Work.register(store)
        _ = try await store.commit(Work.transaction(at: .start))
        await store.close()
        // As a crash leaves it after the first transaction of a deletion.
        try RawDatabase(folder.database).execute(
            """
            INSERT INTO deleted_series SELECT id FROM series WHERE device = 1;
            DELETE FROM series WHERE device = 1; DELETE FROM devices WHERE id = 1;
            """)
        let again = try await folder.prepared()
        #expect(try await Work.storedCount(again) == Work.readingsPerStep * 3 / 4)
        await again.close()
        let file = try RawDatabase(folder.database)
        #expect(try file.numbers("SELECT COUNT(*) FROM readings") == [Int64(Work.readingsPerStep * 3 / 4)])
        #expect(try file.numbers("SELECT COUNT(*) FROM deleted_series") == [0])
    }

    @Test func deletedReadingsLeaveTheFile() async throws {
        let store = try await folder.prepared()
        _ = try await Work.register(store)
        _ = try await store.commit(Work.transaction(at: .start, count: 60_000))
        #expect(try await store.delete(Work.series(0).device) != nil)
        await store.sweep(for: 60_000_000)
        await store.close()
        let file = try RawDatabase(folder.database)
        #expect(try file.numbers("SELECT COUNT(*) FROM readings") == [45_000])
        #expect(try file.numbers("SELECT COUNT(*) FROM deleted_series") == [0])
    }

    @Test func aRowThatSQLiteRefusesIsKeptInQuarantine() async throws {
        let store = try await folder.prepared()
        _ = try await Work.register(store)
        try RawDatabase(folder.database).execute(
            """
            CREATE TRIGGER picky BEFORE INSERT ON readings WHEN NEW.time = 7
            BEGIN SELECT RAISE(ABORT, 'seven is not welcome'); END
            """)
        let row = try await store.commit(Work.transaction(at: .start))
        #expect(row.discarded == 1)
        #expect(row.stored == UInt64(Work.readingsPerStep - 1))
        await store.close()
        let file = try RawDatabase(folder.database)
        #expect(try file.texts("SELECT reason FROM quarantine") == ["seven is not welcome"])
        #expect(try file.numbers("SELECT position FROM quarantine") == [7])
        #expect(try file.texts("SELECT device FROM quarantine") == ["device-3"])
    }

    private func write(_ text: String, to path: String) throws {
        guard let file = fopen(path, "w") else { throw PosixError(call: "fopen") }
        defer { fclose(file) }
        fputs(text, file)
    }

    private func read(_ path: String) throws -> String {
        String(decoding: try FileCopy.bytes(of: path), as: UTF8.self)
    }
}
