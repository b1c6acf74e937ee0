import HashRing
import Ports
import Telemetry
import Testing

extension ConformanceCase {
    static let deletions: [ConformanceCase] = [
        .init("deleting an unknown device writes nothing", deleteUnknown),
        .init("nothing of a deleted device can be seen", deleteAll),
        .init("what was received before the deletion does not come back", replayed),
        .init("what is received afterwards is welcome", welcome),
        .init("a device with many readings goes as whole as a small one", deleteMany),
        .init(stores: "a deletion by one node is known to the others", deletedElsewhere),
        .init("tombstones are told by slot, newest first", tombstones),
        .init("at most so many tombstones are told", tombstonesLimited),
    ]

    private static func deleteUnknown(_ store: any ReadingStore) async throws {
        let device = DeviceID(unchecked: "nobody")
        #expect(try await store.delete(device) == nil)
        // No tombstone: an old reading of it is still welcome.
        #expect(try await store.append(Make.readings(Make.series("nobody"), 0..<2)).stored == 2)
    }

    private static func deleteAll(_ store: any ReadingStore) async throws {
        let gone = [Make.series("gone", "a"), Make.series("gone", "b")]
        let kept = Make.series("kept")
        for series in gone + [kept] {
            try await store.append(
                Make.readings(series, 0..<3), verdicts: .init(repeating: Make.verdict(.anomaly), count: 3))
        }
        try await store.flush(latest: (gone + [kept]).map { Make.latest($0, 2) })
        let tombstone = try await store.delete(gone[0].device)
        #expect(tombstone != nil)
        for series in gone { #expect(try await store.historyIfKnown(of: series) == nil) }
        #expect(try await store.device(gone[0].device) == nil)
        #expect(try await store.devices(after: nil, limit: 10).map(\.device) == [kept.device])
        #expect(try await store.latest(in: Make.allSlots).map(\.series) == [kept])
        for device in [nil, gone[0].device] {
            let query = AnomalyQuery(from: .distantPast, to: .distantFuture, device: device, limit: 100)
            #expect(try await store.anomalies(query).count == (device == nil ? 3 : 0))
        }
        #expect(try await store.wholeHistory(of: kept).count == 3)
        #expect(try await store.delete(gone[0].device) == nil)
    }

    private static func replayed(_ store: any ReadingStore) async throws {
        let series = Make.series("gone")
        let kept = Make.series("kept")
        try await store.append(Make.readings(series, 0..<3))
        let tombstone = try #require(try await store.delete(series.device))
        let row = try await store.append(
            Make.readings(series, 0..<3) + Make.readings(kept, 0..<2), to: Make.log(2), receivedAt: tombstone)
        #expect(row.discarded == 3)
        #expect(row.stored == 2)
        #expect(row.isBalanced)
        #expect(try await store.historyIfKnown(of: series) == nil)
        #expect(try await store.device(series.device) == nil)
        try await store.flush(latest: [Make.latest(series, 2)])
        #expect(try await store.latest(in: Make.allSlots).isEmpty)
    }

    private static func welcome(_ store: any ReadingStore) async throws {
        let series = Make.series("back")
        try await store.append(Make.readings(series, 0..<30))
        let tombstone = try #require(try await store.delete(series.device))
        let after = tombstone.advanced(byMicroseconds: 1)
        let row = try await store.append(Make.readings(series, 5..<7), receivedAt: after)
        #expect(row.stored == 32)
        #expect(row.discarded == 0)
        #expect(try await store.wholeHistory(of: series).map(\.value) == [5, 6])
        #expect(try await store.device(series.device)?.readings == 2)
        // Both kinds in one log order, as a late replay brings them.
        let mixed = try await store.append(Make.readings(series, 0..<2), receivedAt: tombstone)
        #expect(mixed.discarded == 2)
        let again = try #require(try await store.delete(series.device))
        #expect(again >= tombstone)
    }

    private static func deleteMany(_ store: any ReadingStore) async throws {
        let series = Make.series("large")
        let kept = Make.series("kept")
        try await store.append(Make.readings(series, 0..<25_000))
        try await store.append(Make.readings(kept, 0..<10))
        _ = try await store.delete(series.device)
        #expect(try await store.historyIfKnown(of: series) == nil)
        #expect(try await store.wholeHistory(of: kept).count == 10)
        #expect(try await store.devices(after: nil, limit: 10).map(\.device) == [kept.device])
    }

    /// The other node has the series' id in its memory.
    private static func deletedElsewhere(_ place: StorePlace) async throws {
        let one = try await place.prepared()
        let other = try await place.prepared()
        let series = Make.series("shared")
        try await one.append(Make.readings(series, 0..<3))
        try await other.append(Make.readings(series, 3..<6), to: Make.log(2))
        let tombstone = try #require(try await other.delete(series.device))
        let old = try await one.append(Make.readings(series, 6..<9), receivedAt: tombstone)
        #expect(old.discarded == 3)
        let row = try await one.append(
            Make.readings(series, 0..<2), receivedAt: tombstone.advanced(byMicroseconds: 1))
        #expect(row.stored == 5)
        #expect(try await other.wholeHistory(of: series).map(\.value) == [0, 1])
        #expect(try await other.device(series.device)?.readings == 2)
        for store in [one, other] {
            let found = try await store.tombstones(in: [Slot(of: series.device)], limit: 10)
            #expect(found == [Tombstone(device: series.device, time: tombstone)])
        }
        await one.close()
        await other.close()
    }

    /// Deletes devices that nobody here has heard of.
    private static func bury(
        _ devices: [DeviceID], _ store: any ReadingStore
    ) async throws -> [DeviceID: Instant] {
        var times: [DeviceID: Instant] = [:]
        for device in devices {
            let time = try #require(try await store.delete(device, isKnown: true))
            times[device] = time
        }
        return times
    }

    private static func newestFirst(_ times: [DeviceID: Instant]) -> [Tombstone] {
        times.map { Tombstone(device: $0.key, time: $0.value) }.sorted { ($1.time, $0.device) < ($0.time, $1.device) }
    }

    /// Names that fall into one slot, in no order.
    private static func neighbours(_ count: Int) -> (slot: Slot, devices: [DeviceID]) {
        let slot = Slot(of: DeviceID(unchecked: "neighbour"))
        let names = (0...).lazy.map { DeviceID(unchecked: "neighbour-\($0)") }
        return (slot, Array(names.filter { Slot(of: $0) == slot }.prefix(count)))
    }

    private static func tombstones(_ store: any ReadingStore) async throws {
        #expect(try await store.tombstones(in: Make.allSlots, limit: 10).isEmpty)
        let (slot, devices) = neighbours(4)
        let strangers = ["x", "y", "z"].map { DeviceID(unchecked: $0) }
        var times = try await bury([devices[2], strangers[0], devices[0], devices[3]], store)
        try await store.append(Make.readings(Make.series(strangers[1].text), 0..<3))
        times.merge(try await bury([strangers[1], devices[1]], store)) { $1 }
        // Once more: it is the newest now, and still one.
        times.merge(try await bury([devices[0]], store)) { $1 }
        let all = newestFirst(times)
        #expect(try await store.tombstones(in: Make.allSlots, limit: 100) == all)
        let here = all.filter { Slot(of: $0.device) == slot }
        #expect(here.count == 4)
        #expect(try await store.tombstones(in: [slot], limit: 100) == here)
        #expect(try await store.tombstones(in: [slot, slot], limit: 100) == here)
        #expect(try await store.tombstones(in: [Slot(of: strangers[1])], limit: 100).map(\.device) == [strangers[1]])
        let empty = Make.allSlots.filter { slot in !all.contains { Slot(of: $0.device) == slot } }
        #expect(try await store.tombstones(in: empty, limit: 100).isEmpty)
        #expect(try await store.tombstones(in: [], limit: 100).isEmpty)
        // What it sends afterwards is welcome, and its tombstone stays.
        let after = try #require(times[strangers[1]]).advanced(byMicroseconds: 1)
        try await store.append(Make.readings(Make.series(strangers[1].text), 3..<5), receivedAt: after)
        #expect(try await store.tombstones(in: Make.allSlots, limit: 100) == all)
    }

    private static func tombstonesLimited(_ store: any ReadingStore) async throws {
        let (slot, devices) = neighbours(5)
        let strangers = (0..<20).map { DeviceID(unchecked: "stranger-\($0)") }
        var times = try await bury(Array(strangers.prefix(10)), store)
        times.merge(try await bury(devices, store)) { $1 }
        times.merge(try await bury(Array(strangers.suffix(10)), store)) { $1 }
        let all = newestFirst(times)
        let here = all.filter { Slot(of: $0.device) == slot }
        for limit in [0, 1, 2, 3, 12, 24, 25, 26, .max] {
            #expect(try await store.tombstones(in: Make.allSlots, limit: limit) == Array(all.prefix(limit)))
            #expect(try await store.tombstones(in: [slot], limit: limit) == Array(here.prefix(limit)))
        }
    }
}
