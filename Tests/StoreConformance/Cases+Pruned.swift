import HashRing
import Ports
import Telemetry
import Testing

extension ConformanceCase {
    static let pruned: [ConformanceCase] = [
        .init("a device of which something came since is not deleted", notDeleted),
        .init("the tombstone of a silent device lies between its silence and now", middle),
        .init("silent devices among a thousand are deleted whole", amongThousand),
        .init("a tombstone gets no older", tombstoneStays),
    ]

    private static func all(_ store: any Store) async throws -> [SilentDevice] {
        try await store.silentDevices(heardThrough: .distantFuture, limit: 10_000)
    }

    private static func notDeleted(_ store: any Store) async throws {
        let series = (0..<5).map { Make.series("d\($0)") }
        try await store.append(series.map { Make.reading($0, 0) })
        let token = try await store.elect("n0")
        let read = try await all(store)
        #expect(read.count == 5)
        // Heard, stored under a new name, stored under the old one, deleted by a person.
        try await store.flush(latest: [Make.latest(series[0], 1)])
        try await store.append([Make.reading(Make.series("d1", "new"), 0)])
        try await store.append([Make.reading(series[2], 1)])
        _ = try await store.delete(series[3].device)
        let unknown = SilentDevice(
            device: DeviceID(unchecked: "nobody"), lastHeard: .epoch, readings: 0, isHidden: false)
        let gone = try await store.delete(read + [unknown], reason: "silent", token)
        #expect(gone.map(\.device) == [series[4].device])
        #expect(try await store.devices(after: nil, limit: 10).map(\.device) == series.prefix(3).map(\.device))
        let audit = try await store.audit(limit: 10)
        #expect(audit.map(\.device) == [series[4].device, series[3].device])
        #expect(audit.map(\.job) == ["prune", AuditRow.operatorJob] && audit.map(\.token) == [token, nil])
        #expect(audit.allSatisfy { $0.decision == .delete })
        #expect(try await store.delete([], reason: "silent", token).isEmpty)
        #expect(try await store.delete(read, reason: "silent", token).isEmpty)
    }

    private static func middle(_ store: any Store) async throws {
        let series = Make.series("d")
        try await store.append(Make.readings(series, 0..<3))
        let token = try await store.elect("n0")
        let silent = try #require(try await all(store).first)
        guard case .begun(let before) = try await store.beginRun(token, every: 0) else {
            Issue.record("no run")
            return
        }
        let gone = try await store.delete([silent], reason: "silent for long", token)
        let tombstone = try #require(gone.first)
        let row = try #require(try await store.audit(limit: 1).first)
        #expect(row.device == series.device && row.decision == .delete && row.reason == "silent for long")
        #expect(row.token == token)
        let earliest = silent.tombstone(at: before.time).time
        let latest = silent.tombstone(at: row.time).time
        #expect(earliest > silent.lastHeard && latest < row.time)
        #expect(tombstone.device == series.device && (earliest...latest).contains(tombstone.time))
        #expect(try await store.tombstones(in: [Slot(of: series.device)], limit: 10) == gone)
        // What was received before stays away, what was received afterwards is welcome.
        let old = try await store.append(Make.readings(series, 0..<3), to: Make.log(2), receivedAt: tombstone.time)
        #expect(old.discarded == 3)
        #expect(try await store.device(series.device) == nil)
        let after = tombstone.time.advanced(byMicroseconds: 1)
        let new = try await store.append(Make.readings(series, 1..<3), to: Make.log(2), receivedAt: after)
        #expect(new.stored == 2)
        #expect(try await store.wholeHistory(of: series).map(\.value) == [1, 2])
        // It is another device now, and not the one that was read.
        #expect(try await store.delete([silent], reason: "silent", token).isEmpty)
    }

    private static func amongThousand(_ store: any Store) async throws {
        let series = (0..<1_000).flatMap { [Make.series("d\($0)", "a"), Make.series("d\($0)", "b")] }
        let readings = series.map { Make.reading($0, 0) }
        let verdicts = [Verdict](repeating: Make.verdict(.anomaly), count: readings.count)
        try await store.append(readings, verdicts: verdicts)
        let isSilent = { (series: Series) in series.device.text.hasSuffix("77") }
        let silence = series.map {
            Silence(
                series: $0, start: Make.time(0), noticed: Make.time(9), end: nil, value: 1, usualInterval: 1_000_000)
        }
        try await store.note(silence, ended: [])
        try await store.flush(latest: series.map { Make.latest($0, 0, isHeard: !isSilent($0)) })
        let token = try await store.elect("n0")
        let longest = try #require(try await all(store).first)
        let read = try await store.silentDevices(heardThrough: longest.lastHeard, limit: 50)
        let expected = Set(series.filter(isSilent).map(\.device))
        #expect(Set(read.map(\.device)) == expected && expected.count == 10)
        #expect(read.allSatisfy { $0.readings == 2 })
        let gone = try await store.delete(read, reason: "silent", token)
        #expect(Set(gone.map(\.device)) == expected)
        #expect(Set(try await store.tombstones(in: Make.allSlots, limit: 100)) == Set(gone))
        #expect(try await store.audit(limit: 100).map(\.device).count == 10)
        let rest = Set(series.filter { !isSilent($0) })
        func check(_ note: Comment) async throws {
            let devices = try await store.devices(after: nil, limit: 2_000)
            #expect(Set(devices.map(\.device)) == Set(rest.map(\.device)), note)
            #expect(Set(try await store.latest(in: Make.allSlots).map(\.series)) == rest, note)
            let query = AnomalyQuery(from: .distantPast, to: .distantFuture, limit: 10_000)
            #expect(Set(try await store.anomalies(query).map(\.series)) == rest, note)
            #expect(Set(try await store.silences(query).map(\.series)) == rest, note)
            for one in series where isSilent(one) {
                #expect(try await store.historyIfKnown(of: one) == nil, note)
            }
        }
        try await check("deleted")
        // The same transaction by another log, and what owners still have.
        let oldest = try #require(gone.map(\.time).min())
        let row = try await store.append(readings, to: Make.log(2), receivedAt: oldest, verdicts: verdicts)
        #expect(row.discarded == 20 && row.duplicates == 1_980 && row.isBalanced)
        try await store.flush(latest: series.map { Make.latest($0, 1) })
        try await store.note(silence, ended: [])
        try await check("replayed")
    }

    private static func tombstoneStays(_ store: any Store) async throws {
        let series = Make.series("d")
        try await store.append([Make.reading(series, 0)])
        let first = try #require(try await store.delete(series.device))
        try await store.append([Make.reading(series, 0)], receivedAt: first.advanced(byMicroseconds: 1))
        // As if it had been heard long before: the middle is older than the tombstone there.
        let token = try await store.elect("n0")
        let silent = try #require(try await all(store).first)
        let second = try #require(try await store.delete([silent], reason: "silent", token).first)
        #expect(second.time >= first)
        #expect(try await store.tombstones(in: Make.allSlots, limit: 10) == [second])
    }
}
