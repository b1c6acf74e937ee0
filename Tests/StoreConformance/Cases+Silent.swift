import HashRing
import Ports
import Telemetry
import Testing

extension ConformanceCase {
    static let silent: [ConformanceCase] = [
        .init("a device is silent by its own rhythm", byRhythm),
        .init("devices are counted and told by when they were heard last", toldBySilence),
        .init("a device that is heard comes out of hiding", hiddenAndHeard),
        .init("a row that only moved is no sign of life", moved),
        .init("at most so many devices are hidden, each told in the audit", hideLimited),
        .init("a device that is restored counts as heard", restored),
    ]

    /// Devices that are heard one after the other, each later than the one before.
    private static func heard(_ count: Int, every interval: Int64 = 0, _ store: any Store) async throws -> [Instant] {
        var times: [Instant] = []
        for number in 0..<count {
            let series = Make.series("d\(number)")
            try await store.append([Make.reading(series, 0)])
            try await store.flush(latest: [Make.latest(series, 0, usualInterval: interval)])
            times.append(try #require(try await store.device(series.device)).lastHeard)
        }
        #expect(times == times.sorted() && Set(times).count == count)
        return times
    }

    private static func names(_ numbers: some Sequence<Int>) -> [DeviceID] {
        numbers.map { DeviceID(unchecked: "d\($0)") }
    }

    private static func toldBySilence(_ store: any Store) async throws {
        #expect(try await store.census(after: .epoch, old: .distantPast) == Census(heard: 0, fellSilent: 0))
        #expect(try await store.silentDevices(heardThrough: .distantFuture, limit: 10).isEmpty)
        let times = try await heard(6, store)
        let token = try await store.elect("n0")
        let cases: [(recent: Int, old: Int, Census)] = [
            (5, 0, Census(heard: 0, fellSilent: 5)), (3, 1, Census(heard: 2, fellSilent: 2)),
            (0, 0, Census(heard: 5, fellSilent: 1)),
        ]
        for (recent, old, expected) in cases {
            #expect(try await store.census(after: times[recent], old: times[old]) == expected)
        }
        // What is counted but not added up counts too.
        try await store.append(Make.readings(Make.series("d0", "other"), 0..<7))
        let all = try await store.silentDevices(heardThrough: .distantFuture, limit: 10)
        #expect(all.map(\.device) == names(0..<6))
        #expect(all.map(\.lastHeard) == times)
        #expect(all.map(\.readings) == [8, 1, 1, 1, 1, 1])
        #expect(all.allSatisfy { !$0.isHidden })
        for limit in [-1, 0, 1, 5] {
            let found = try await store.silentDevices(heardThrough: times[2], limit: limit)
            #expect(found == Array(all.prefix(min(3, max(0, limit)))))
        }
        #expect(try await store.hide(heardThrough: times[1], limit: 10, reason: "r", token) == names(0..<2))
        #expect(try await store.census(after: times[3], old: .distantPast) == Census(heard: 2, fellSilent: 4))
        let hidden = try await store.silentDevices(heardThrough: times[2], limit: 10)
        #expect(hidden.map(\.isHidden) == [true, true, false])
        for isHidden in [true, false] {
            let some = try await store.silentDevices(heardThrough: .distantFuture, isHidden: isHidden, limit: 3)
            #expect(some.map(\.device) == (isHidden ? names(0..<2) : names(2..<5)))
        }
    }

    private static func byRhythm(_ store: any Store) async throws {
        let minute: Int64 = 60_000_000
        let times = try await heard(3, every: 10 * minute, store)
        // (Minutes after the last was heard, devices that are approved, what is to be counted.)
        let cases: [(Int64, Int, Census)] = [
            (0, 0, Census(heard: 3)), (15, 0, Census(heard: 3)), (25, 0, Census(late: 3)),
            (40, 0, Census(heard: 0, fellSilent: 3)), (40, 2, Census(heard: 0, fellSilent: 1)),
            (40, 3, Census(heard: 0, fellSilent: 0)),
        ]
        for (minutes, approvedCount, expected) in cases {
            let query = CensusQuery(
                through: times[2].advanced(byMicroseconds: minutes * minute + 1), crowdAfter: minute, old: .distantPast,
                approved: approvedCount > 0 ? times[approvedCount - 1] : nil)
            #expect(try await store.census(query) == expected, "\(minutes) min, \(approvedCount) approved")
        }
    }

    private static func hiddenAndHeard(_ store: any Store) async throws {
        let times = try await heard(3, store)
        let token = try await store.elect("n0")
        #expect(try await store.hide(heardThrough: times[1], limit: 10, reason: "silent", token) == names(0..<2))
        #expect(try await store.hide(heardThrough: times[1], limit: 10, reason: "again", token).isEmpty)
        let rows = try await store.audit(limit: 10)
        #expect(rows.reversed().map(\.device) == names(0..<2))
        #expect(rows.allSatisfy { $0.decision == .hide && $0.reason == "silent" && $0.token == token })
        #expect(try await store.devices(after: nil, limit: 10).map(\.isHidden) == [true, true, false])
        try await store.flush(latest: [Make.latest(Make.series("d1"), 1)])
        let devices = try await store.devices(after: nil, limit: 10)
        #expect(devices.map(\.isHidden) == [true, false, false])
        #expect(devices[1].lastHeard > times[2])
        #expect(devices[0].lastHeard == times[0])
    }

    private static func moved(_ store: any Store) async throws {
        let times = try await heard(2, store)
        let token = try await store.elect("n0")
        _ = try await store.hide(heardThrough: times[1], limit: 10, reason: "silent", token)
        let series = Make.series("d0")
        try await store.flush(latest: [Make.latest(series, 7, 7, isHeard: false)])
        // It is written all the same.
        #expect(try await store.latest(in: [Slot(of: series.device)]).map(\.value) == [7])
        let devices = try await store.devices(after: nil, limit: 10)
        #expect(devices.map(\.isHidden) == [true, true])
        #expect(devices.map(\.lastHeard) == times)
        // Of two series one was heard; of one series an older row was.
        try await store.append([Make.reading(Make.series("d0", "other"), 0)])
        try await store.flush(latest: [
            Make.latest(series, 8, isHeard: false), Make.latest(Make.series("d0", "other"), 1),
            Make.latest(Make.series("d1"), 3), Make.latest(Make.series("d1"), 4, isHeard: false),
        ])
        let again = try await store.devices(after: nil, limit: 10)
        #expect(again.map(\.isHidden) == [false, false])
        #expect(again.allSatisfy { $0.lastHeard > times[1] })
    }

    private static func hideLimited(_ store: any Store) async throws {
        let times = try await heard(6, store)
        let token = try await store.elect("n0")
        #expect(try await store.hide(heardThrough: times[5], limit: 0, reason: "r", token).isEmpty)
        #expect(try await store.hide(heardThrough: times[5], limit: -1, reason: "r", token).isEmpty)
        var hidden: [DeviceID] = []
        for expected in [4, 2, 0] {
            let part = try await store.hide(heardThrough: times[5], limit: 4, reason: "r", token)
            #expect(part.count == expected)
            hidden += part
        }
        #expect(hidden.sorted() == names(0..<6))
        #expect(try await store.audit(limit: 10).compactMap(\.device).sorted() == hidden.sorted())
    }

    private static func restored(_ store: any Store) async throws {
        let times = try await heard(2, store)
        let token = try await store.elect("n0")
        let silent = try await store.silentDevices(heardThrough: times[1], limit: 10)
        _ = try await store.hide(heardThrough: times[1], limit: 10, reason: "silent", token)
        #expect(try await store.restore(DeviceID(unchecked: "nobody")) == nil)
        let device = DeviceID(unchecked: "d0")
        let time = try #require(try await store.restore(device))
        #expect(time > times[1])
        let rows = try await store.audit(limit: 1)
        #expect(rows.map(\.device) == [device] && rows.map(\.decision) == [.restore] && rows[0].token == nil)
        // For the pruner alone: people see when it was heard.
        let row = try #require(try await store.device(device))
        #expect(!row.isHidden && row.lastHeard == times[0])
        #expect(try await store.silentDevices(heardThrough: times[1], limit: 10).map(\.device) == names([1]))
        #expect(try await store.silentDevices(heardThrough: time, limit: 10).map(\.lastHeard) == [times[1], time])
        #expect(try await store.census(after: times[1], old: .distantPast) == Census(heard: 1, fellSilent: 1))
        #expect(try await store.hide(heardThrough: times[1], limit: 10, reason: "silent", token).isEmpty)
        // What was read before is not true any more.
        let gone = try await store.delete(silent, reason: "silent", token)
        #expect(gone.map(\.device) == names([1]))
    }
}
