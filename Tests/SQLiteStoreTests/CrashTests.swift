import Dispatch
import Glibc
import Ports
import SQLiteStore
import Synchronization
import Telemetry
import Testing

@Suite("A SQLite store after a crash")
struct CrashTests {
    /// Every prefix of the write-ahead log is a state in which the ledger holds: rows and checkpoint go together.
    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func rowsAndCheckpointSurviveTogether(seed: UInt64) async throws {
        let folder = try TemporaryFolder()
        let store = try await folder.prepared()
        var row = try await Work.register(store)
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
            let found =
                try await survivor.checkpoints().first ?? Checkpoint(log: Work.log, node: "n0", writer: Work.writer)
            #expect(found.stored == found.position.readings, "seed \(seed), \(kept) bytes")
            #expect(try await Work.storedCount(survivor) == Int(found.stored), "seed \(seed), \(kept) bytes")
            #expect(try await Work.countedReadings(survivor) == Int(found.stored), "seed \(seed), \(kept) bytes")
            if number == 0 { #expect(found == row) }
            positions.insert(found.position.readings)
            await survivor.close()
        }
        #expect(positions.count > 3, "the cuts should have fallen into different transactions")
    }

    /// The log that replaces another appears in the moment in which that one's row is closed.
    @Test func aLogIsReplacedInOneStep() async throws {
        let folder = try TemporaryFolder()
        let store = try await folder.prepared()
        let row = try await Work.register(store)
        let open = try await store.commit(
            StoreTransaction(
                log: Work.log, writer: Work.writer, start: row.position, end: row.position, batches: [], damaged: 0,
                accepted: LogPosition(40)))
        let heir = LogID(high: 1, low: 2)
        let file = try FileCopy.bytes(of: folder.database)
        let before = try FileCopy.bytes(of: folder.database + "-wal").count
        let fresh = try await store.register(log: heir, node: "n0", by: Work.writer, replacing: Work.log)
        let wal = try FileCopy.bytes(of: folder.database + "-wal")
        await store.close()
        var closed = open
        closed.accepted = open.position
        var outcomes: Set<Set<Checkpoint>> = []
        for kept in Array(stride(from: before, to: wal.count, by: 512)) + [wal.count] {
            let copy = folder.path + "/copy-\(kept).db"
            try FileCopy.write(file, to: copy)
            try FileCopy.write(wal.prefix(kept), to: copy + "-wal")
            let survivor = folder.store(at: copy)
            _ = try await survivor.prepare()
            outcomes.insert(Set(try await survivor.checkpoints()))
            await survivor.close()
        }
        #expect(outcomes == [[open], [closed, fresh]])
    }

    /// The row is not read past a commit that may still move it.
    @Test func aCheckpointWaitsForACommitUnderWay() async throws {
        let folder = try TemporaryFolder()
        let gate = Gate()
        let store = SQLiteStore(path: folder.database, logger: TemporaryFolder.silent, clock: { gate.pass() })
        _ = try await store.prepare()
        let row = try await Work.register(store)
        gate.close()
        async let committed = store.commit(Work.transaction(at: row.position))
        for await _ in gate.arrivals { break }
        async let read = store.checkpoint(of: Work.log)
        // Time enough for one that would not wait.
        for _ in 0..<50 { #expect(try await store.checkpoints() == [row]) }
        gate.open()
        let (found, expected) = try await (read, committed)
        #expect(found == expected && expected.stored == UInt64(Work.readingsPerStep))
        await store.close()
    }

    /// Holds a commit up where it asks for the time: on the writer's own thread, which may block.
    private final class Gate: Sendable {
        private let isClosed = Atomic(false)
        private let opening = DispatchSemaphore(value: 0)
        let arrivals: AsyncStream<Void>
        private let arrived: AsyncStream<Void>.Continuation

        init() {
            (arrivals, arrived) = AsyncStream.makeStream()
        }

        func close() { isClosed.store(true, ordering: .sequentiallyConsistent) }

        func open() {
            isClosed.store(false, ordering: .sequentiallyConsistent)
            opening.signal()
        }

        func pass() -> Instant {
            if isClosed.load(ordering: .sequentiallyConsistent) {
                arrived.yield()
                opening.wait()
            }
            return .epoch
        }
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
            var row = try await Work.register(store)
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
