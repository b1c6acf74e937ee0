import DataPlane
import Foundation
import IngestLog
import LogFormat
import Logging
import Ports
import Roles
import ServiceLifecycle
import Synchronization
import Telemetry
import Testing

/// A node over a real log in a folder of its own and a store in memory.
@Suite(.timeLimit(.minutes(2)))
struct NodeTests {
    @Test func whatIsAcceptedIsScoredAndStored() async throws {
        let store = MemoryStore()
        try await withNode(store: store) { node in
            for index in 0..<20 { try await node.accept(Self.batch(index, count: 50)) }
            try await until { await node.cluster().ledger.pending == 0 }
            let ledger = await node.cluster().ledger
            #expect(ledger.accepted == 1_000)
            #expect(ledger.stored == 1_000)
            let latest = await node.latest(Self.all)
            #expect(latest.devices.count == 50)
        }
        #expect(store.content.withLock { $0.readings.count } == 1_000)
    }

    @Test func theSameBatchTwiceIsStoredOnce() async throws {
        let store = MemoryStore()
        try await withNode(store: store) { node in
            for _ in 0..<2 { try await node.accept(Self.batch(1, count: 10)) }
            try await until { await node.cluster().ledger.pending == 0 }
            let ledger = await node.cluster().ledger
            #expect(ledger.stored == 10)
            #expect(ledger.duplicates == 10)
        }
    }

    @Test func aStoreThatIsAwayStopsNeitherAcceptingNorLatest() async throws {
        let store = MemoryStore()
        store.content.withLock { $0.isAway = true }
        try await withNode(store: store) { node in
            try await node.accept(Self.batch(1, count: 10))
            try await until { await node.latest(Self.all).devices.count == 10 }
            #expect(await node.cluster().ledger.pending == 10)
            #expect(!(await node.cluster()).isStoreReachable)
            #expect(await node.latest(Self.all).missing == ["n0"], "what else the store knows is not shown")
            store.content.withLock { $0.isAway = false }
            try await until { await node.latest(Self.all).missing.isEmpty }
            try await until { await node.cluster().ledger.pending == 0 }
            #expect(await node.cluster().ledger.stored == 10)
        }
    }

    @Test func aCommitWhoseAnswerWasLostIsNotStoredTwice() async throws {
        let store = MemoryStore()
        store.content.withLock { $0.answersLost = 2 }
        try await withNode(store: store) { node in
            try await node.accept(Self.batch(1, count: 10))
            try await until { await node.cluster().ledger.pending == 0 }
            try await node.accept(Self.batch(2, count: 10))
            try await until { await node.cluster().ledger.pending == 0 }
            let ledger = await node.cluster().ledger
            #expect(ledger.stored == 20)
            #expect(ledger.duplicates == 0)
        }
        #expect(store.content.withLock { $0.commits } == 2)
    }

    @Test func theReadingAfterTheTrainingSetIsJudgedHoweverQuicklyItComes() async throws {
        let store = MemoryStore()
        try await withNode(store: store) { node in
            try await node.accept(Self.series(readings: 3_000))
            try await until { await node.cluster().ledger.pending == 0 }
        }
        let results = store.content.withLock { content in
            content.readings.sorted { $0.key.time < $1.key.time }.map(\.value)
        }
        #expect(results.count == 3_000)
        #expect(results.prefix(256).allSatisfy { $0.result == .learning })
        #expect(results.dropFirst(256).allSatisfy { $0.model == ModelID(name: "temperature", version: 1) })
    }

    @Test func aModelThatTheStoreDoesNotKnowDoesNotServe() async throws {
        let store = MemoryStore()
        store.content.withLock { $0.isAway = true }
        try await withNode(store: store) { node in
            try await node.accept(Self.series(readings: 300))
            try await until { await node.latest(Self.all).devices.first?.time == Instant(microseconds: 300_000_000) }
            store.content.withLock { $0.isAway = false }
            try await until { await node.cluster().ledger.pending == 0 }
        }
        let results = store.content.withLock { $0.readings.values.map(\.result) }
        #expect(results == Array(repeating: .learning, count: 300))
    }

    @Test func aStopStoresWhatWasAcceptedAndAStartGoesOn() async throws {
        let store = MemoryStore()
        let folder = try TemporaryFolder()
        try await withNode(store: store, folder: folder) { node in
            try await node.accept(Self.batch(1, count: 10))
        }
        #expect(store.content.withLock { $0.readings.count } == 10)
        #expect(store.content.withLock { $0.latest.count } == 10)
        try await withNode(store: store, folder: folder) { node in
            #expect(await node.latest(Self.all).devices.count == 10)
            #expect(await node.cluster().ledger.accepted == 10)
            try await node.accept(Self.batch(2, count: 10))
            try await until { await node.cluster().ledger.stored == 20 }
        }
    }

    @Test func whatTheStoreDidNotTakeIsInTheLogForTheNextStart() async throws {
        let store = MemoryStore()
        let folder = try TemporaryFolder()
        store.content.withLock { $0.isAway = true }
        try await withNode(store: store, folder: folder) { node in
            for index in 0..<5 { try await node.accept(Self.batch(index, count: 10)) }
        }
        #expect(store.content.withLock { $0.readings.isEmpty })
        store.content.withLock { $0.isAway = false }
        try await withNode(store: store, folder: folder) { node in
            try await until { await node.cluster().ledger.stored == 50 }
        }
    }

    @Test func aStoreThatHangsHoldsUpNeitherTheStartNorAnyReading() async throws {
        let store = MemoryStore()
        let folder = try TemporaryFolder()
        try await withNode(store: store, folder: folder) { node in
            try await node.accept(Self.batch(1, count: 10))
        }
        store.content.withLock { $0.latestHangs = true }
        try await withNode(store: store, folder: folder) { node in
            try await node.accept(Self.batch(2, count: 1))
            try await until { await node.cluster().ledger.pending == 0 }
            #expect(await node.latest(Self.all).devices.count == 1)
            // What the store knows is taken as soon as it says so, but for what is newer here.
            store.letLatestBeAnswered()
            try await until { await node.latest(Self.all).devices.count == 10 }
            #expect(await node.latest(Self.all).devices.first?.time == Instant(microseconds: 3_000_000))
        }
        #expect(store.content.withLock { $0.readings.count } == 11)
    }

    @Test func twoNodesWithCopiesOfOneLogStoreEveryReadingOnce() async throws {
        let store = MemoryStore()
        let folder = try TemporaryFolder()
        let copy = try TemporaryFolder()
        store.content.withLock { $0.isAway = true }
        try await withNode(store: store, folder: folder) { try await $0.accept(Self.batch(1, count: 10)) }
        try FileManager.default.copyItem(atPath: folder.path + "/log", toPath: copy.path + "/log")
        store.content.withLock { $0.isAway = false }
        try await withNode(store: store, folder: folder) { first in
            try await withNode(store: store, folder: copy) { second in
                for index in 0..<20 {
                    try await (index % 2 == 0 ? first : second).accept(Self.batch(2 + index, count: 10))
                }
                for node in [first, second] { try await until { await node.cluster().ledger.pending == 0 } }
            }
        }
        let (readings, rows) = store.content.withLock { ($0.readings.count, $0.rows) }
        #expect(readings == 210)
        #expect(rows.count == 2)
        #expect(rows.values.reduce(0) { $0 + $1.stored } == 210)
        #expect(rows.values.reduce(0) { $0 + $1.duplicates } == 10)
        #expect(rows.values.allSatisfy { $0.accepted == $0.position })
    }

    @Test func aDeviceWhoseReadingsAreNotStoredYetCanBeDeleted() async throws {
        let store = MemoryStore()
        try await withNode(store: store) { node in
            store.content.withLock { $0.answersLost = 1 }
            try await node.accept(Self.batch(1, count: 1))
            try await until { await node.latest(Self.all).devices.count == 1 }
            #expect(try await node.delete(DeviceID(unchecked: "device-0")))
            try await until { await node.cluster().ledger.pending == 0 }
            #expect(await node.latest(Self.all).devices.isEmpty)
        }
        #expect(store.content.withLock { $0.readings.isEmpty })
    }

    @Test func aDeletedDeviceIsGoneFromMemoryToo() async throws {
        let store = MemoryStore()
        try await withNode(store: store) { node in
            try await node.accept(Self.batch(1, count: 3))
            try await until { await node.cluster().ledger.pending == 0 }
            #expect(try await node.delete(DeviceID(unchecked: "device-1")))
            #expect(await node.latest(Self.all).devices.map(\.device.text) == ["device-0", "device-2"])
            #expect(try await !node.delete(DeviceID(unchecked: "nobody")))
        }
    }

    /// Whoever deleted it died before it could tell.
    @Test func aDeletionThatNobodyToldIsLearned() async throws {
        let store = MemoryStore()
        try await withNode(store: store) { node in
            try await node.accept(Self.batch(1, count: 3))
            try await until { await node.cluster().ledger.pending == 0 }
            #expect(try await store.delete(DeviceID(unchecked: "device-1")) != nil)
            try await until { await node.latest(Self.all).devices.map(\.device.text) == ["device-0", "device-2"] }
        }
    }

    @Test func aNodeWhoseDiskFailedAcceptsNothingMoreAndIsNotReady() async throws {
        let isBroken = Atomic(false)
        var calls = FileCalls.system
        let sync = calls.sync
        calls.sync = { isBroken.load(ordering: .relaxed) ? EIO : sync($0) }
        try await withNode(store: MemoryStore(), calls: calls) { node in
            try await node.accept(Self.batch(1, count: 10))
            isBroken.store(true, ordering: .relaxed)
            for index in 2..<4 {
                let error = await #expect(throws: AcceptError.self) {
                    try await node.accept(Self.batch(index, count: 10))
                }
                guard case .logFailed? = error else {
                    Issue.record("\(String(describing: error))")
                    return
                }
            }
            #expect(node.unreadiness?.contains("sync") == true)
            isBroken.store(false, ordering: .relaxed)
            await #expect(throws: AcceptError.self) { try await node.accept(Self.batch(5, count: 10)) }
        }
    }

    @Test func receiptTimesStrictlyIncrease() async throws {
        try await withNode(store: MemoryStore()) { node in
            let times = (0..<10_000).map { _ in node.receiptTime() }
            #expect(zip(times, times.dropFirst()).allSatisfy { $0 < $1 })
        }
    }

    // MARK: Running a node

    static var all: LatestQuery {
        var query = LatestQuery()
        query.all = true
        return query
    }

    /// One device's temperature, a reading a second.
    static func series(readings count: Int) -> ReadingBatch {
        var random = SeededGenerator(seed: 1)
        let series = Series(device: DeviceID(unchecked: "device-0"), metric: Metric(unchecked: "temperature"))
        let readings = (0..<count).map { index in
            Reading(
                series: series, time: Instant(microseconds: 1_000_000 * Int64(index + 1)),
                value: 20 + random.drawUnit())
        }
        return ReadingBatch(receivedAt: Instant(microseconds: 1), readings: readings)
    }

    static func batch(_ index: Int, count: Int) -> ReadingBatch {
        let readings = (0..<count).map { device in
            Reading(
                series: Series(
                    device: DeviceID(unchecked: "device-\(device)"), metric: Metric(unchecked: "temperature")),
                time: Instant(microseconds: 1_000_000 * Int64(index + 1)),
                value: 20 + Double((index * 7 + device * 3) % 5) / 10)
        }
        return ReadingBatch(receivedAt: Instant(microseconds: 500 + Int64(index)), readings: readings)
    }

    func withNode(
        store: MemoryStore, folder: TemporaryFolder? = nil, calls: FileCalls = .system,
        telling: AlertTelling = AlertTelling(), _ body: (Node) async throws -> Void
    ) async throws {
        let folder = try folder ?? TemporaryFolder()
        var random = SystemRandomNumberGenerator()
        let (log, _) = try IngestLog.open(
            directory: folder.path, settings: IngestLog.Settings(limitBytes: 8 << 20), newID: LogID(using: &random),
            calls: calls)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let node = Node(
            settings: Node.Settings(
                name: "n0", httpAddress: "", gossipAddress: "", version: "test", inactiveAfter: .seconds(60)),
            log: log, store: store, incarnation: 1, telling: telling, logger: logger)
        let group = ServiceGroup(services: [node], logger: logger)
        try await withThrowingTaskGroup { tasks in
            tasks.addTask { try await group.run() }
            try await until { node.unreadiness == nil }
            try await body(node)
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    /// Asks again until it holds; the suite's own time limit ends what never does.
    func until(_ condition: () async throws -> Bool) async throws {
        while !(try await condition()) {
            try Task.checkCancellation()
            await Task.yield()
        }
    }
}
