import Glibc
import Ports
import SQLiteStore
import Telemetry
import Testing

@Suite("A SQLite store after a crash")
struct CrashTests {
    /// Every prefix of the write-ahead log is a state in which the ledger holds: rows and checkpoint go together.
    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func rowsAndCheckpointSurviveTogether(seed: UInt64) async throws {
        let folder = try TemporaryFolder()
        let store = try await folder.prepared()
        var row = try await store.register(log: Work.log, node: "n0")
        for _ in 0..<30 { row = try await store.commit(Work.transaction(at: row.position)) }
        let file = try FileCopy.bytes(of: folder.database)
        let wal = try FileCopy.bytes(of: folder.database + "-wal")
        await store.close()
        var generator = SeededGenerator(seed: seed)
        var positions: Set<UInt64> = []
        for number in 0..<12 {
            let copy = folder.path + "/copy-\(number).db"
            let kept = number == 0 ? wal.count : generator.draw(below: wal.count)
            try FileCopy.write(file, to: copy)
            try FileCopy.write(wal.prefix(kept), to: copy + "-wal")
            let survivor = folder.store(at: copy)
            _ = try await survivor.prepare()
            let found = try await survivor.checkpoints().first ?? Checkpoint(log: Work.log, node: "n0")
            #expect(found.stored == found.position.readings, "seed \(seed), \(kept) bytes")
            #expect(try await Work.storedCount(survivor) == Int(found.stored), "seed \(seed), \(kept) bytes")
            #expect(try await Work.countedReadings(survivor) == Int(found.stored), "seed \(seed), \(kept) bytes")
            if number == 0 { #expect(found == row) }
            positions.insert(found.position.readings)
            await survivor.close()
        }
        #expect(positions.count > 3, "the cuts should have fallen into different transactions")
    }

    /// A node that is killed while it writes has lost nothing that it was told was stored.
    @Test func killedWhileWriting() async throws {
        let folder = try TemporaryFolder()
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = folder.path as String] in
            try await KilledChild.run(path)
        }
        let acknowledged = try FileCopy.bytes(of: folder.path + "/acknowledged").count
        #expect(acknowledged >= KilledChild.stepsBeforeKill)
        let store = try await folder.prepared()
        var row = try #require(try await store.checkpoint(of: Work.log))
        #expect(row.stored >= UInt64(acknowledged * Work.readingsPerStep))
        #expect(row.stored == row.position.readings)
        #expect(try await Work.storedCount(store) == Int(row.stored))
        for _ in 0..<5 { row = try await store.commit(Work.transaction(at: row.position)) }
        #expect(try await Work.storedCount(store) == Int(row.stored))
        #expect(try await Work.countedReadings(store) == Int(row.stored))
        await store.close()
    }
}

enum KilledChild {
    static let stepsBeforeKill = 20

    /// Writes until it kills itself, from beside the writing, so that the kill falls anywhere in a transaction.
    static func run(_ path: String) async throws {
        let folder = path
        let store = SQLiteStore(path: folder + "/starling.db", logger: TemporaryFolder.silent)
        _ = try await store.prepare()
        let acknowledged = open(folder + "/acknowledged", O_WRONLY | O_CREAT | O_APPEND, 0o644)
        let (steps, reachedKill) = AsyncStream.makeStream(of: Void.self)
        let writing = Task {
            var row = try await store.register(log: Work.log, node: "child")
            for step in 1... {
                row = try await store.commit(Work.transaction(at: row.position))
                _ = write(acknowledged, "x", 1)
                if step == stepsBeforeKill { reachedKill.yield() }
            }
        }
        for await _ in steps {
            kill(getpid(), SIGKILL)
        }
        try await writing.value
    }
}
