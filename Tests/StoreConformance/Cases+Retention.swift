import Ports
import Telemetry
import Testing

extension ConformanceCase {
    static let retention: [ConformanceCase] = [
        .init("readings that are too old are dropped, and no younger one", tooOld),
        .init("very many old readings go in parts", manyOld),
        .init("silences that ended long ago are dropped too", oldSilences),
    ]

    /// A midnight, so that chunks end there.
    private static let midnight = Instant(rfc3339: "2026-11-20T00:00:00Z") ?? .epoch
    private static let hour: Int64 = 3_600_000_000

    /// - Returns: what the parts dropped.
    private static func drop(
        before time: Instant, _ store: any Store, _ token: FencingToken
    ) async throws -> [Int] {
        var parts: [Int] = []
        var cursor: RetentionCursor?
        repeat {
            let part = try await store.dropReadings(before: time, after: cursor, token)
            parts.append(part.dropped)
            cursor = part.next
        } while cursor != nil && parts.count < 100
        return parts
    }

    private static func reading(_ series: Series, _ microseconds: Int64, _ value: Double = 1) -> Reading {
        Reading(series: series, time: midnight.advanced(byMicroseconds: microseconds), value: value)
    }

    private static func drops(_ store: any Store) async throws -> [AuditRow] {
        try await store.audit(limit: 100).filter { $0.decision == .drop }
    }

    private static func tooOld(_ store: any Store) async throws {
        let series = [Make.series("a"), Make.series("b"), Make.series("c")]
        let times = [-49 * hour, -30 * hour, -hour, -1, 0, 1, hour, 30 * hour]
        try await store.append(series.prefix(2).flatMap { one in times.map { reading(one, $0) } })
        try await store.append([reading(series[2], 0)])
        let token = try await store.elect("n0")
        #expect(try await drop(before: midnight.advanced(byMicroseconds: -50 * hour), store, token).reduce(0, +) == 0)
        #expect(try await drops(store).isEmpty)
        let before = try await store.devices(after: nil, limit: 10)
        let dropped = try await drop(before: midnight, store, token).reduce(0, +)
        // Readings, or chunks of three days.
        #expect(dropped == (store.kind.timescale == .none ? 8 : 3))
        let kept = times.filter { $0 >= 0 }.map { midnight.advanced(byMicroseconds: $0) }
        for one in series.prefix(2) { #expect(try await store.wholeHistory(of: one).map(\.time) == kept) }
        #expect(try await store.wholeHistory(of: series[2]).count == 1)
        // They were stored all the same.
        #expect(try await store.devices(after: nil, limit: 10) == before)
        let rows = try await drops(store)
        #expect(rows.count == 1 && rows.allSatisfy { $0.job == "retention" && $0.device == nil && $0.token == token })
        #expect(try await drop(before: midnight, store, token).reduce(0, +) == 0)
        #expect(try await drops(store).count == 1)
        // In the middle of a day, and of the ten minutes that are dropped as one.
        let middle = midnight.advanced(byMicroseconds: 2)
        #expect(try await drop(before: middle, store, token).reduce(0, +) == 0)
        for one in series.prefix(2) { #expect(try await store.wholeHistory(of: one).map(\.time) == kept) }
        let late = midnight.advanced(byMicroseconds: 30 * hour)
        _ = try await drop(before: late, store, token)
        for one in series.prefix(2) { #expect(try await store.wholeHistory(of: one).last?.time == late) }
        // What comes late is stored, and goes the next time.
        try await store.append([reading(series[0], -hour, 5)])
        #expect(try await store.wholeHistory(of: series[0]).first?.value == 5)
        _ = try await drop(before: midnight, store, token)
        #expect(try await store.wholeHistory(of: series[0]).allSatisfy { $0.time >= midnight })
        _ = try await drop(before: .distantFuture, store, token)
        _ = try await drop(before: .distantPast, store, token)
    }

    private static func manyOld(_ store: any Store) async throws {
        let few = (0..<1_100).map { Make.series("d\($0)") }
        let many = Make.series("many")
        let readings = (0..<12_000).map { reading(many, -hour + Int64($0), Double($0)) } + [reading(many, 3)]
        try await store.append(few.map { reading($0, -1) } + few.map { reading($0, 1) })
        try await store.append(readings)
        let token = try await store.elect("n0")
        let parts = try await drop(before: midnight, store, token)
        #expect(parts.count < 100)
        if store.kind.timescale == .none {
            #expect(parts.reduce(0, +) == 13_100)
            #expect(parts.allSatisfy { $0 <= 10_000 })
            #expect(parts.count > 2)
        }
        #expect(try await drops(store).count == 1)
        #expect(try await store.wholeHistory(of: many).map(\.time) == [midnight.advanced(byMicroseconds: 3)])
        for one in few { #expect(try await store.wholeHistory(of: one).count == 1) }
    }

    private static func oldSilences(_ store: any Store) async throws {
        let series = Make.series("d")
        try await store.append([reading(series, hour)])
        let silences = [(-9, -8), (-7, -1), (-5, 1), (-3, nil), (2, 3)].map { start, end in
            Silence(
                series: series, start: midnight.advanced(byMicroseconds: start * hour), noticed: midnight,
                end: (end as Int64?).map { midnight.advanced(byMicroseconds: $0 * hour) }, value: 1, usualInterval: 0)
        }
        try await store.note(silences, ended: [])
        let token = try await store.elect("n0")
        _ = try await drop(before: midnight, store, token)
        let query = AnomalyQuery(from: .distantPast, to: .distantFuture, limit: 10)
        #expect(try await store.silences(query) == silences.dropFirst(2).reversed())
    }
}
