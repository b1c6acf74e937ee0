import Ports
import Telemetry
import Testing

extension ConformanceCase {
    /// What an operator asks of a store, and does to it, while its nodes are away.
    static let keepers: [ConformanceCase] = [
        .init(stores: "a store without a flock has none to tell of, and gets none by being asked", noFlock),
        .init(stores: "a flock gets another id, and keeps all else", renamed),
        .init(stores: "nodes that have the store open are seen", openElsewhere),
        .init(stores: "the last sign of a node is that of a device or of the pruner", signs),
    ]

    private static func noFlock(_ place: StorePlace) async throws {
        for _ in 0..<2 {
            #expect(try await code { _ = try await place.keeper().record() } == .unusable)
            let (old, new) = (FlockID(high: 1, low: 1), FlockID(high: 1, low: 2))
            #expect(try await code { try await place.keeper().rename(old, to: new) } == .unusable)
        }
        let store = try await place.prepared()
        #expect(try await place.keeper().record().lastSign == nil)
        await store.close()
    }

    private static func renamed(_ place: StorePlace) async throws {
        let first = place.open()
        let old = try await first.prepare()
        let row = try await first.append(Make.readings(Make.series("d"), 0..<50))
        let points = try await first.wholeHistory(of: Make.series("d"))
        await first.close()
        let new = FlockID(high: .max, low: 7)
        let keeper = place.keeper()
        #expect(try await keeper.record().flock == old)
        #expect(try await code { try await keeper.rename(new, to: old) } == .unusable)
        #expect(try await keeper.record().flock == old)
        try await keeper.rename(old, to: new)
        #expect(try await place.keeper().record().flock == new)
        #expect(try await code { try await keeper.rename(old, to: new) } == .unusable)
        let second = place.open()
        #expect(try await second.prepare() == new)
        #expect(try await second.checkpoint(of: row.log) == row)
        #expect(try await second.wholeHistory(of: Make.series("d")) == points)
        #expect(try await second.append(Make.readings(Make.series("d"), 50..<60)).stored == 60)
        await second.close()
    }

    private static func openElsewhere(_ place: StorePlace) async throws {
        let store = try await place.prepared()
        let keeper = place.keeper()
        #expect(try await keeper.record().isOpenElsewhere)
        #expect(try await keeper.record().life != nil)
        // The question stands in nobody's way.
        try await store.append(Make.readings(Make.series("d"), 0..<5))
        #expect(try await place.keeper().record().isOpenElsewhere)
        await store.close()
        // A server takes a moment to see who left.
        let end = ContinuousClock.now + .seconds(30)
        while try await keeper.record().isOpenElsewhere, ContinuousClock.now < end { await Task.yield() }
        #expect(try await !keeper.record().isOpenElsewhere)
    }

    private static func signs(_ place: StorePlace) async throws {
        let store = try await place.prepared()
        let keeper = place.keeper()
        let token = try await store.elect("n0")
        _ = try await store.beginRun(token, every: 1)
        let run = try await store.job()?.lastRun
        #expect(try await keeper.record().lastSign == run)
        let tick = Tick(through: (run ?? .epoch).advanced(byMicroseconds: 1_000_000), total: 0)
        try await store.write(tick, keepingFrom: 0, token)
        #expect(try await keeper.record().lastSign == tick.through)
        try await store.takeBackTicks(after: .epoch, token)
        try await store.append([Make.reading(Make.series("d"), 0)])
        try await store.flush(latest: [Make.latest(Make.series("d"), 0)])
        let record = try await keeper.record()
        #expect(try await record.lastSign == store.device(Make.series("d").device)?.lastHeard)
        #expect(record.lastSign.map { $0 <= record.askedAt } == true)
        await store.close()
    }
}
