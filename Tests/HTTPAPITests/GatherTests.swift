import Ports
import Telemetry
import Testing

/// Answers of several owners as one.
@Suite struct GatherTests {
    private static func part(_ devices: [LatestDevice]) -> LatestAnswer {
        LatestAnswer(devices: devices, missing: [])
    }

    private static let fleet = ["a", "b", "c", "d", "ä"].map { LatestDevice($0, [LatestMetric("t", 1)]) }

    @Test(arguments: 0..<20)
    func itIsTheSameHoweverTheDevicesAreSpread(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var owners = [[LatestDevice]](repeating: [], count: 3)
        for device in Self.fleet { owners[Int.random(in: 0..<3, using: &random)].append(device) }
        let answer = LatestAnswer(gathering: owners, missing: [], limit: nil)
        #expect(answer == Self.part(Self.fleet))
    }

    @Test func theLimitHoldsForAllTogether() {
        let parts = [[Self.fleet[0], Self.fleet[3]], [Self.fleet[1], Self.fleet[2]]]
        let answer = LatestAnswer(gathering: parts, missing: [], limit: 2)
        #expect(answer.devices.map(\.device.text) == ["a", "b"])
    }

    @Test func ofASeriesThatTwoOwnersKnowTheNewerRowCounts() {
        let later = FakeNode.start.advanced(byMicroseconds: 1)
        let old = LatestDevice("a", [LatestMetric("t", 1, isSilent: true), LatestMetric("u", 1)], isSilent: true)
        let new = LatestDevice("a", [LatestMetric("t", 2, time: later), LatestMetric("v", 3)], time: later)
        let merged = LatestDevice(
            "a", [LatestMetric("t", 2, time: later), LatestMetric("u", 1), LatestMetric("v", 3)], time: later)
        for parts in [[old, new], [new, old]] {
            let answer = LatestAnswer(gathering: parts.map { [$0] }, missing: [], limit: 1)
            #expect(answer.devices == [merged])
        }
    }

    @Test func atTheSameTimeWhatWasJudgedCounts() {
        let judged = LatestDevice("a", [LatestMetric("t", 1, .anomaly, score: 0.75)])
        let unscored = LatestDevice("a", [LatestMetric("t", 1, .unscored)])
        for parts in [[judged, unscored], [unscored, judged]] {
            #expect(LatestAnswer(gathering: parts.map { [$0] }, missing: [], limit: nil).devices == [judged])
        }
    }

    @Test func whoeverHearsASeriesIsRightAboutIt() {
        let heard = LatestDevice("a", [LatestMetric("t", 1)])
        let silent = LatestDevice("a", [LatestMetric("t", 1, isSilent: true)], isSilent: true)
        for parts in [[heard, silent], [silent, heard]] {
            #expect(LatestAnswer(gathering: parts.map { [$0] }, missing: [], limit: nil).devices == [heard])
        }
    }

    @Test func theMissingAreToldInOrder() {
        let answer = LatestAnswer(gathering: [[], []], missing: ["n2", "n3", "n1"], limit: nil)
        #expect(answer.missing == ["n1", "n2", "n3"])
        #expect(LatestAnswer(gathering: [], missing: ["n1"], limit: nil).missing == ["n1"])
    }

    /// Whatever changes in an answer changes its tag.
    @Test func theRevisionSeesEverythingThatIsShown() {
        let base = LatestDevice("a", [LatestMetric("t", 1)])
        let others: [[LatestDevice]] = [
            [], [LatestDevice("b", [LatestMetric("t", 1)])], [LatestDevice("a", [LatestMetric("u", 1)])],
            [LatestDevice("a", [LatestMetric("t", 2)])], [LatestDevice("a", [LatestMetric("t", 1, .anomaly)])],
            [LatestDevice("a", [LatestMetric("t", 1, score: 0.3)])], [base.later(by: 1)],
            [LatestDevice("a", [LatestMetric("t", 1, isSilent: true)])],
            [LatestDevice("a", [LatestMetric("t", 1)], isSilent: true)],
            [LatestDevice("a", [LatestMetric("t", 1), LatestMetric("u", 1)])], [base, base],
        ]
        let revisions = ([[base]] + others).map { Self.part($0).revision }
        #expect(Set(revisions).count == revisions.count)
    }

    @Test func booksAreAddedUpButOrphansAreEveryones() {
        var one = Ledger()
        one.accepted = 10
        one.stored = 7
        one.pending = 1
        one.duplicates = 1
        one.discarded = 1
        one.orphaned = 5
        one.rejected = 2
        var other = Ledger()
        other.accepted = 4
        other.stored = 3
        other.damaged = 1
        other.orphaned = 4
        let sum = one + other
        #expect(sum.accepted == 14)
        #expect(sum.stored + sum.pending + sum.duplicates + sum.discarded + sum.damaged == sum.accepted)
        #expect(sum.damaged == 1)
        #expect(sum.rejected == 2)
        #expect(sum.orphaned == 5)
    }
}
