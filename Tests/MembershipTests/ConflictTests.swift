import Membership
import Telemetry
import Testing

/// Names that come back, move, or are used twice.
struct ConflictTests {
    private static func life(_ incarnation: UInt64, host: String, _ status: MemberStatus = .alive) -> Member {
        let id = MemberID(name: "b", address: MemberAddress(host: host, port: 1), incarnation: incarnation)
        return Member(id: id, revision: 0, status: status)
    }

    @Test(arguments: [MemberStatus.alive, .suspect, .dead, .left])
    func aLaterLifeTakesTheNameWhateverBecameOfTheFormer(_ status: MemberStatus) {
        var lone = LoneCore(knowing: "b", "c")
        if status != .alive { lone.hear(from: "c", rows: [lone.row("b", status)]) }
        lone.hear(from: "c", rows: [Self.life(6, host: "elsewhere")])
        #expect(lone.core.member("b") == Self.life(6, host: "elsewhere"))
        lone.clear()
        lone.run(5, answering: ["c", "elsewhere"])
        #expect(lone.pings(to: "b").isEmpty, "nobody looks for it where it was")
        #expect(!lone.pings(to: "elsewhere").isEmpty)
    }

    /// Replay: what was said of an earlier life changes nothing, however bad it is.
    @Test(arguments: MemberStatus.allCases) func newsOfAnEarlierLifeAreOld(_ status: MemberStatus) {
        var lone = LoneCore(knowing: "c")
        lone.hear(from: "c", rows: [Self.life(6, host: "new")])
        lone.clear()
        lone.hear(from: "c", rows: [Self.life(5, host: "old", status)])
        #expect(lone.core.member("b") == Self.life(6, host: "new"))
        #expect(lone.told.isEmpty)
    }

    @Test(arguments: [false, true]) func twoProcessesOfOneIncarnationAreSettledAlikeInAnyOrder(_ isTurned: Bool) {
        var lone = LoneCore(knowing: "c")
        let lives = [Self.life(5, host: "x"), Self.life(5, host: "y")]
        for life in isTurned ? lives.reversed() : lives { lone.hear(from: "c", rows: [life]) }
        #expect(lone.core.member("b") == Self.life(5, host: "y"))
    }

    @Test func ofTwoProcessesOfMyNameTheLaterSilencesMe() {
        for (host, isLater) in [("b", true), ("A", false)] {
            var lone = LoneCore(knowing: "c")
            let id = MemberID(name: "a", address: MemberAddress(host: host, port: 1), incarnation: 5)
            lone.hear(from: "c", rows: [Member(id: id, revision: 9, status: .alive)])
            #expect(lone.others == (isLater ? [.superseded(by: id)] : []))
            lone.clear()
            lone.run(3, answering: ["c"])
            #expect(lone.sent.isEmpty == isLater)
        }
    }

    @Test func aRefutationOfMineIsKnownWithWhatISay() {
        var lone = LoneCore(knowing: "b", "c")
        lone.handle(.metadataChanged(MemberMetadata(httpAddress: "h:1", version: "1", load: 5)))
        #expect(lone.core.me.revision == 1)
        lone.hear(from: "b", rows: [lone.row("a", .suspect)])
        #expect(lone.core.me.revision == 1, "that was said of an older revision")
        lone.hear(from: "b", rows: [lone.row("a", .dead, revision: 1)])
        #expect(lone.core.me.revision == 2)
        #expect(lone.core.me.metadata.load == 5)
    }

    @Test func anAccusationKeepsTheMetadataThatIsKnown() {
        var lone = LoneCore(knowing: "c")
        var rich = lone.row("b", .alive)
        rich.metadata = MemberMetadata(httpAddress: "h:1", version: "1", load: 5)
        lone.hear(from: "c", rows: [rich])
        lone.hear(from: "c", rows: [lone.row("b", .suspect)])
        #expect(lone.core.member("b")?.metadata == rich.metadata)
        #expect(lone.status("b") == .suspect)
    }

    @Test func whoLeftStaysSoWhateverIsSaidOfThatLife() {
        var lone = LoneCore(knowing: "b", "c")
        lone.hear(from: "c", rows: [lone.row("b", .left)])
        for status in [MemberStatus.alive, .suspect, .dead] {
            lone.hear(from: "c", rows: [lone.row("b", status, revision: 9)])
        }
        #expect(lone.status("b") == .left)
        lone.clear()
        lone.run(60, answering: ["c"])
        #expect(lone.pings(to: "b").isEmpty)
    }

    @Test func aLeaverTellsAndThenEnds() {
        var lone = LoneCore(knowing: "b", "c")
        lone.handle(.leave)
        #expect(Set(lone.sent.map(\.to.host)) == ["b", "c"])
        #expect(lone.sent.allSatisfy { $0.message.rumors.contains { $0.member.status == .left } })
        lone.hear(from: "b", rows: [lone.row("a", .suspect)])
        #expect(lone.core.me.status == .left, "a leaver refutes nothing")
        lone.run(1, answering: ["b", "c"])
        #expect(lone.others == [.left])
        lone.clear()
        lone.run(5)
        #expect(lone.sent.isEmpty)
    }

    @Test func theGoneAreForgottenAfterADay() {
        var lone = LoneCore(knowing: "b", "c", "d", "e")
        lone.hear(from: "c", rows: [lone.row("b", .left)])
        lone.run(2, answering: ["c", "d", "e"])
        lone.now = lone.now.advanced(byMicroseconds: lone.core.limits.forgetAfter)
        lone.run(2, answering: ["c", "d", "e"])
        #expect(lone.core.member("b") == nil)
        #expect(lone.core.members.map(\.name).sorted() == ["a", "c", "d", "e"])
        lone.run(10, answering: ["c", "d", "e"])
        #expect(lone.core.presentCount == 4)
        for name in ["c", "d", "e"] { #expect(lone.status(name) == .alive) }
    }
}
