import Glibc
import HashRing
import Ports
import SQLiteStore
import Telemetry
import Testing

/// Several nodes of one machine on one file: who writes when. Locks on two open files of one process exclude each other
/// as those of two processes do, so each store here stands for a node.
@Suite("The turn to write", .timeLimit(.minutes(2)))
struct TurnTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func prepared(_ count: Int) async throws -> [SQLiteStore] {
        var stores: [SQLiteStore] = []
        for _ in 0..<count { stores.append(try await folder.prepared()) }
        return stores
    }

    private func log(_ number: Int) -> LogID { LogID(high: 2, low: UInt64(number)) }

    private func register(_ number: Int, in store: SQLiteStore) async throws(StoreError) -> Int {
        _ = try await store.register(log: log(number), node: "n", by: Work.writer, replacing: nil)
        return number
    }

    /// A line that stands still for a second is passed: on a machine that is busy with others it may take some rounds
    /// until one is quick enough to show the order.
    @Test func whoCameFirstWritesFirst() async throws {
        let stores = try await prepared(6)
        for round in 0..<50 {
            let start = ContinuousClock.now
            let rows = try await order(of: stores, firstLog: round * stores.count)
            guard start.duration(to: .now) < .seconds(1) else { continue }
            #expect(rows == stores.indices.map { log(round * stores.count + $0).description })
            for store in stores { await store.close() }
            return
        }
        Issue.record("no round took less than a second: the machine is too busy to show an order")
    }

    /// Each store in turn enters the line for a log of its own, then all may write.
    /// - Returns: the logs in the order of their rows.
    private func order(of stores: [SQLiteStore], firstLog: Int) async throws -> [String] {
        let turn = try FileLocks(folder.database + ".turn")
        let line = try FileLocks(folder.database + ".queue")
        try turn.takeAll()
        try await withThrowingTaskGroup(of: Int.self) { group in
            for (number, store) in stores.enumerated() {
                group.addTask { try await register(firstLog + number, in: store) }
                try await line.wait { $0.isLocked(number) }
            }
            turn.release()
            try await group.waitForAll()
        }
        return try RawDatabase(folder.database).texts(
            "SELECT log FROM checkpoints ORDER BY rowid LIMIT \(stores.count) OFFSET \(firstLog)")
    }

    /// As a process that was stopped while it waited: it keeps its place and never takes the turn.
    @Test func aStoppedProcessInLineIsPassed() async throws {
        let stores = try await prepared(2)
        let line = try FileLocks(folder.database + ".queue")
        try line.take(0)
        for (number, store) in stores.enumerated() { #expect(try await register(number, in: store) == number) }
        line.release()
        for store in stores { await store.close() }
    }

    @Test func readersDoNotWaitForTheTurn() async throws {
        let store = try await folder.prepared()
        let row = try await Work.register(store)
        let turn = try FileLocks(folder.database + ".turn")
        try turn.takeAll()
        async let writing = store.commit(Work.transaction(at: row.position))
        try await FileLocks(folder.database + ".queue").wait { $0.isLocked(0) }
        // What the writer waits for is not given before these have answered.
        #expect(try await store.checkpoints() == [row])
        #expect(try await store.devices(after: nil, limit: 10) == [])
        #expect(try await store.latest(in: [Slot(of: Work.series(0).device)]) == [])
        turn.release()
        #expect(try await writing.stored == UInt64(Work.readingsPerStep))
        await store.close()
    }
}

/// Locks as another process would hold them on a file.
private final class FileLocks: Sendable {
    private let descriptor: Int32

    init(_ path: String) throws {
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw PosixError(call: "open") }
    }

    deinit { close(descriptor) }

    /// As `flock` does it.
    func takeAll() throws {
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else { throw PosixError(call: "flock") }
    }

    func take(_ place: Int) throws {
        guard call(37, place).result == 0 else { throw PosixError(call: "fcntl") }
    }

    func release() {
        flock(descriptor, LOCK_UN)
    }

    /// Whether another open file has that byte locked.
    func isLocked(_ place: Int) -> Bool { call(36, place).lock.l_type != Int16(F_UNLCK) }

    func wait(until condition: (FileLocks) -> Bool) async throws {
        while !condition(self) {
            try Task.checkCancellation()
            await Task.yield()
        }
    }

    /// `F_OFD_GETLK` is 36, `F_OFD_SETLK` 37.
    private func call(_ command: Int32, _ place: Int) -> (result: Int32, lock: flock) {
        var lock = flock()
        lock.l_type = Int16(F_WRLCK)
        lock.l_whence = Int16(SEEK_SET)
        lock.l_start = place
        lock.l_len = 1
        let result = fcntl(descriptor, command, &lock)
        return (result, lock)
    }
}
