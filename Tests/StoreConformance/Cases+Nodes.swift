import Ports
import Telemetry
import Testing

extension ConformanceCase {
    static let identity: [ConformanceCase] = [
        .init(stores: "nodes that start at once on an empty store are one flock", oneFlock),
        .init(stores: "a store that is opened again is what it was", openedAgain),
        .init(stores: "a store that is not open says so", notOpen),
    ]

    private static func oneFlock(_ place: StorePlace) async throws {
        let stores = (0..<4).map { _ in place.open() }
        let flocks = try await withThrowingTaskGroup(of: FlockID.self) { group in
            for store in stores { group.addTask { try await store.prepare() } }
            return try await group.reduce(into: Set()) { $0.insert($1) }
        }
        #expect(flocks.count == 1)
        for (number, store) in stores.enumerated() {
            #expect(store.isReachable)
            #expect(try await store.prepare() == flocks.first)
            try await store.append([Make.reading(Make.series("d"), Int64(number))], to: Make.log(UInt64(number)))
        }
        for store in stores { await store.close() }
    }

    private static func openedAgain(_ place: StorePlace) async throws {
        let first = place.open()
        let flock = try await first.prepare()
        let row = try await first.append(Make.readings(Make.series("d"), 0..<50))
        let points = try await first.wholeHistory(of: Make.series("d"))
        await first.close()
        let second = place.open()
        #expect(try await second.prepare() == flock)
        #expect(try await second.checkpoint(of: row.log) == row)
        #expect(try await second.wholeHistory(of: Make.series("d")) == points)
        #expect(try await second.append(Make.readings(Make.series("d"), 50..<60)).stored == 60)
        await second.close()
    }

    private static func notOpen(_ place: StorePlace) async throws {
        let store = place.open()
        let log = Make.log(1)
        func calls() async throws {
            #expect(try await code { _ = try await store.register(log) } == .unavailable)
            #expect(try await code { _ = try await store.claim(log: log, by: Make.writer) } == .unavailable)
            #expect(try await code { _ = try await store.checkpoint(of: log) } == .unavailable)
            #expect(try await code { _ = try await store.checkpoints() } == .unavailable)
            #expect(try await code { _ = try await store.tombstones(in: Make.allSlots, limit: 1) } == .unavailable)
            #expect(try await code { _ = try await store.commit(Make.transaction(log, [])) } == .unavailable)
            #expect(try await code { _ = try await store.elect("n0") } == .unavailable)
            #expect(try await code { _ = try await store.approve() } == .unavailable)
            #expect(try await code { _ = try await store.job() } == .unavailable)
            #expect(try await code { _ = try await store.audit(limit: 1) } == .unavailable)
            #expect(try await code { _ = try await store.census(after: .epoch, old: .epoch) } == .unavailable)
            let end = SilenceEnd(series: Make.series("d"), start: .epoch, end: .epoch)
            #expect(try await code { try await store.note([], ended: [end]) } == .unavailable)
            #expect(!store.isReachable)
        }
        try await calls()
        _ = try await store.prepare()
        #expect(store.isReachable)
        _ = try await store.register(log)
        await store.close()
        await store.close()
        try await calls()
        #expect(try await code { _ = try await store.prepare() } == .unavailable)
    }

    static let concurrency: [ConformanceCase] = [
        .init(stores: "nodes that write at once are both exact", writingAtOnce),
        .init("commits that race for one position are stored once", racing),
        .init(stores: "random histories agree with a model of the store", randomHistories),
    ]

    /// Both write the same readings at the same time: each is stored by one and a duplicate of the other.
    private static func writingAtOnce(_ place: StorePlace) async throws {
        let stores = [try await place.prepared(), try await place.prepared()]
        let series = (0..<20).map { Make.series("d\($0)") }
        let rows = try await withThrowingTaskGroup(of: Checkpoint.self) { group in
            for (number, store) in stores.enumerated() {
                group.addTask {
                    let log = Make.log(UInt64(number))
                    for step in 0..<25 {
                        try await store.append(series.map { Make.reading($0, Int64(step)) }, to: log)
                        try await store.flush(latest: series.map { Make.latest($0, Int64(step)) })
                    }
                    return try await store.register(log, node: "")
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(rows.allSatisfy { $0.isBalanced && $0.position == LogPosition(500) })
        #expect(rows.map(\.stored).reduce(0, +) == 500)
        #expect(rows.map(\.duplicates).reduce(0, +) == 500)
        for one in series {
            #expect(try await stores[0].wholeHistory(of: one).count == 25)
            #expect(try await stores[1].device(one.device)?.readings == 25)
        }
        for store in stores { await store.close() }
    }

    private static func racing(_ store: any ReadingStore) async throws {
        let log = Make.log(1)
        let series = Make.series("d")
        _ = try await store.register(log)
        let winners = try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<8 {
                group.addTask {
                    let readings = Make.readings(series, Int64(number * 10)..<Int64(number * 10 + 10))
                    return try await code { _ = try await store.commit(Make.transaction(log, readings)) } == nil
                }
            }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(winners == 1)
        #expect(try await store.wholeHistory(of: series).count == 10)
    }

    private static func randomHistories(_ place: StorePlace) async throws {
        let store = try await place.prepared()
        let other = try await place.prepared()
        // Names of their own for each seed, so that the histories share one place.
        for seed in 1...12 as ClosedRange<UInt64> {
            var history = RandomHistory(seed: seed)
            for _ in 0..<40 { try await history.step(on: [store, other]) }
            try await history.check(store)
        }
        await store.close()
        await other.close()
    }
}
