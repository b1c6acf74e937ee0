import Admission
import Telemetry
import Testing

@Suite struct SeriesRosterTests {
    private static func series(_ device: Int, _ metric: String = "t") -> Series {
        Series(device: DeviceID(unchecked: "d\(device)"), metric: Metric(unchecked: metric))
    }

    private static func roster(limit: Int) -> SeriesRoster {
        var roster = SeriesRoster(limit: limit, newMax: 5, salt: 1)
        roster.update(stored: [], now: 0)
        return roster
    }

    private static func offer(_ series: Series, to roster: inout SeriesRoster) -> Bool {
        let hash = roster.hash(of: series)
        if roster.isKnown(hash) { return true }
        guard roster.reserve() else { return false }
        roster.admit(hash)
        roster.release(1)
        return true
    }

    @Test func theLimitHoldsAndTheKnownGoOn() {
        var roster = Self.roster(limit: 10)
        let taken = (0..<1_000).filter { Self.offer(Self.series($0), to: &roster) }
        #expect(taken == Array(0..<10))
        #expect(roster.count == 10 && roster.isFull && roster.wantsUpdate)
        #expect((0..<10).allSatisfy { Self.offer(Self.series($0), to: &roster) })
    }

    @Test func metricsCountAsDevicesDo() {
        var roster = Self.roster(limit: 3)
        let taken = (0..<10).filter { Self.offer(Self.series(1, "m\($0)"), to: &roster) }
        #expect(taken == [0, 1, 2])
    }

    /// Of one, or of many that are read at once.
    @Test func messagesCannotBringMoreThanThereIsRoomFor() {
        var roster = Self.roster(limit: 3)
        var places = (0..<5).map { _ in roster.reserve() }
        #expect(places == [true, true, true, false, false])
        roster.release(3)
        places = (0..<4).map { _ in roster.reserve() }
        #expect(places == [true, true, true, false], "what was not accepted took no place")
    }

    /// After a start the store may be away: what it holds looks new.
    @Test func beforeTheStoreWasAskedThereIsRoomForAllThatItMayHold() {
        var roster = SeriesRoster(limit: 10, newMax: 5, salt: 1)
        let taken = (0..<1_000).filter { Self.offer(Self.series($0), to: &roster) }
        #expect(taken == Array(0..<20))
        roster.update(stored: Set((0..<10).map { roster.hash(of: Self.series($0)) }), now: 0)
        #expect(Self.offer(Self.series(3), to: &roster) && !Self.offer(Self.series(100), to: &roster))
    }

    @Test func whatTheStoreHoldsIsKnownAndWhatItLostMakesRoom() {
        var roster = Self.roster(limit: 10)
        for device in 0..<5 { #expect(Self.offer(Self.series(device), to: &roster)) }
        #expect(roster.wantsUpdate, "many are new since the store was asked")
        // Those of other nodes, and all but one of ours.
        let stored = Set((1..<9).map { roster.hash(of: Self.series($0)) })
        roster.update(stored: stored, now: 0)
        #expect(roster.count == 9, "the one that is not stored yet still counts")
        #expect(!roster.wantsUpdate)
        #expect(roster.isKnown(roster.hash(of: Self.series(7))))
        // Deleted everywhere; the one that never came to the store is given up after two turns.
        let turn: UInt64 = 601 * 1_000_000_000
        roster.update(stored: [], now: turn)
        #expect(roster.count == 1)
        roster.update(stored: [], now: turn * 2)
        #expect(roster.count == 0)
    }

    @Test func namesThatTouchAreNotConfused() {
        let roster = Self.roster(limit: 1)
        let one = Series(device: DeviceID(unchecked: "ab"), metric: Metric(unchecked: "c"))
        let other = Series(device: DeviceID(unchecked: "a"), metric: Metric(unchecked: "bc"))
        #expect(roster.hash(of: one) != roster.hash(of: other))
    }
}
