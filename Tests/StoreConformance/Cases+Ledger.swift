import Ports
import Telemetry
import Testing

extension ConformanceCase {
    static let ledgers: [ConformanceCase] = [
        .init("duplicates count once, in a batch and across batches and logs", duplicates),
        .init("two values at one time are both kept", twoValues),
        .init("damage is added to the row", damage),
        .init("a refused row is set aside and the rest stored", quarantine),
    ]

    private static func duplicates(_ store: any ReadingStore) async throws {
        let series = Make.series("d")
        let twice = Make.readings(series, 0..<5) + Make.readings(series, 3..<8)
        let row = try await store.append(twice)
        #expect(row.stored == 8)
        #expect(row.duplicates == 2)
        let again = try await store.append(Make.readings(series, 7..<9))
        #expect(again.stored == 9)
        #expect(again.duplicates == 3)
        #expect(again.isBalanced)
        let other = try await store.append(Make.readings(series, 0..<10), to: Make.log(2))
        #expect(other.stored == 1)
        #expect(other.duplicates == 9)
        #expect(other.isBalanced)
        #expect(try await store.wholeHistory(of: series).map(\.time) == (0..<10).map { Make.time($0) })
        #expect(try await store.device(series.device)?.readings == 10)
    }

    private static func twoValues(_ store: any ReadingStore) async throws {
        let series = Make.series("d")
        let row = try await store.append([
            Make.reading(series, 0, 2), Make.reading(series, 0, 1), Make.reading(series, 0, 1.5),
        ])
        #expect(row.stored == 3)
        #expect(try await store.wholeHistory(of: series).map(\.value) == [1, 1.5, 2])
    }

    private static func damage(_ store: any ReadingStore) async throws {
        let row = try await store.append(Make.readings(Make.series("d"), 0..<4), damaged: 3)
        #expect(row.damaged == 3)
        #expect(row.position == LogPosition(7))
        let next = try await store.append(Make.readings(Make.series("d"), 4..<6), damaged: 2)
        #expect(next.damaged == 5)
        #expect(next.stored == 6)
        #expect(next.isBalanced)
    }

    /// No device can send such a value; a defect could.
    private static func quarantine(_ store: any ReadingStore) async throws {
        let series = Make.series("d")
        let readings = [
            Make.reading(series, 0, 0), Make.reading(series, 1, .nan), Make.reading(series, 2, .infinity),
            Make.reading(series, 3, 3), Make.reading(Make.series("e"), 4, -.infinity),
            Make.reading(Make.series("e"), 5, 5),
        ]
        let row = try await store.append(readings)
        #expect(row.stored == 3)
        #expect(row.discarded == 3)
        #expect(row.isBalanced)
        #expect(try await store.wholeHistory(of: series).map(\.value) == [0, 3])
        #expect(try await store.wholeHistory(of: Make.series("e")).map(\.value) == [5])
        let next = try await store.append([Make.reading(series, 6, 6)])
        #expect(next.stored == 4)
        #expect(next.isBalanced)
    }
}
