import Membership
import Telemetry
import Testing

/// From silence to death.
struct SuspicionTests {
    private static let all: Set<String> = ["c", "d", "e", "f"]

    private static func suspected(_ accusers: [String]) -> LoneCore {
        var lone = LoneCore(knowing: "b", "c", "d", "e", "f")
        for accuser in accusers { lone.hear(from: accuser, rows: [lone.row("b", .suspect)], accuser: accuser) }
        return lone
    }

    /// Dogpile: each different accuser shortens the time, the same one again does not.
    @Test(
        arguments: [
            (["c"], 7.9...8.2), (["c", "c", "c", "c"], 7.9...8.2), (["c", "d"], 4.7...5.0),
            (["c", "d", "e"], 2.8...3.1),
            (["c", "d", "e", "f"], 1.4...1.7), (["c", "d", "e", "f", "a"], 1.4...1.7),
        ])
    func theMoreAgreeTheShorterTheTime(_ accusers: [String], _ seconds: ClosedRange<Double>) throws {
        // This node must not add its own voice: it does not probe.
        var limits = MembershipLimits()
        limits.observersMax = 0
        limits.probeInterval = 1_000_000_000
        limits.probesMax = 0
        var lone = LoneCore(knowing: "b", "c", "d", "e", "f", limits: limits)
        for accuser in accusers { lone.hear(from: accuser, rows: [lone.row("b", .suspect)], accuser: accuser) }
        let death = lone.secondsToDeath(of: "b", answering: Self.all)
        let time = try #require(death)
        #expect(seconds.contains(time), "\(time)")
    }

    @Test func inAFlockOfTwoNobodyElseCanAgree() throws {
        var lone = LoneCore(knowing: "b")
        let death = lone.secondsToDeath(of: "b", answering: [])
        let time = try #require(death)
        #expect(time <= 5)
    }

    @Test func aRefutationEndsASuspicion() {
        var lone = Self.suspected(["c", "d", "e", "f"])
        lone.run(1, answering: Self.all)
        lone.hear(from: "b", rows: [lone.row("b", .alive, revision: 1)])
        lone.run(20, answering: Self.all.union(["b"]))
        #expect(lone.status("b") == .alive)
    }

    @Test func aSuspectThatIsSilentIsRemindedUntilTheEnd() {
        var lone = LoneCore(knowing: "b", "c", "d")
        while lone.status("b") == .alive { lone.run(0.1, answering: ["c", "d"]) }
        lone.clear()
        lone.run(1.2, answering: ["c", "d"])
        let reminders = lone.sent.filter { $0.to.host == "b" && $0.message.rumors.first?.member.status == .suspect }
        #expect(reminders.count >= 4)
    }

    /// The buddy of Lifeguard: whoever is held for suspect or dead hears it in the ping that reaches it, and in the ack.
    @Test(arguments: [MemberStatus.suspect, .dead]) func whatIsHeldAgainstAMemberRidesInFront(_ status: MemberStatus) {
        var lone = LoneCore(knowing: "b", "c")
        lone.hear(from: "c", rows: [lone.row("b", status)])
        lone.clear()
        lone.hear(from: "b", .ping(9, target: LoneCore.id("a")))
        let ack = lone.sent.first { $0.message.body == .ack(9) }
        #expect(ack?.message.rumors.first?.member == lone.row("b", status))
    }

    /// The refutation may be no news any more: who pings with the old accusation hears it all the same.
    @Test func anOldAccusationIsAnsweredWithTheRefutation() throws {
        var lone = LoneCore(knowing: "b", "c")
        lone.hear(from: "b", rows: [lone.row("a", .suspect)])
        lone.run(10, answering: ["b", "c"])
        lone.clear()
        lone.hear(from: "c", .ping(4, target: LoneCore.id("a")), rows: [lone.row("a", .suspect)])
        let ack = try #require(lone.sent.first { $0.message.body == .ack(4) })
        #expect(ack.message.rumors.contains { $0.member == lone.core.me && $0.member.revision == 1 })
    }

    @Test func afterAStandstillNobodyDiesAtOnce() {
        var lone = Self.suspected(["c", "d", "e", "f"])
        lone.run(0.5, answering: Self.all)
        lone.now = lone.now.advanced(byMicroseconds: 60_000_000)
        lone.run(1.3, answering: Self.all)
        #expect(lone.core.counts.standstills == 1)
        #expect(lone.status("b") == .suspect)
        lone.run(0.5, answering: Self.all)
        #expect(lone.status("b") == .dead)
    }

    @Test func silenceBeforeAStandstillProvesNothing() {
        var lone = LoneCore(knowing: "b", "c", "d")
        while lone.pings(to: "b").isEmpty { lone.run(0.1, answering: ["c", "d"]) }
        lone.now = lone.now.advanced(byMicroseconds: 10_000_000)
        lone.run(0.7, answering: ["b", "c", "d"])
        #expect(lone.status("b") == .alive)
    }

    /// Who holds that a member is dead agrees with those who suspect it.
    @Test func tablesThatCallASuspectDeadShortenItsTime() throws {
        var lone = LoneCore(knowing: "b", "c", "d", "e", "f")
        lone.hear(from: "c", .table, rows: [lone.row("b", .dead)])
        #expect(lone.status("b") == .suspect)
        for name in ["d", "e", "f"] { lone.hear(from: name, .table, rows: [lone.row("b", .dead)]) }
        let death = lone.secondsToDeath(of: "b", answering: Self.all)
        let time = try #require(death)
        #expect((1.4...1.7).contains(time), "\(time)")
    }

    /// Neighbours on the ring that died together are found one after the other, without waiting for their turns.
    @Test func aSuspectedNeighbourMakesTheNextOneDue() throws {
        var limits = MembershipLimits()
        limits.probeInterval = 3_000_000
        let names: Set<String> = ["b", "c", "d", "e", "f", "g"]
        var lone = LoneCore(knowing: "b", "c", "d", "e", "f", "g", limits: limits)
        while lone.sent.allSatisfy({ !$0.message.isPing }) { lone.run(0.1) }
        let neighbour = try #require(lone.sent.first { $0.message.isPing }?.to.host)
        let others = names.subtracting([neighbour])
        while lone.status(neighbour) == .alive {
            lone.clear()
            lone.run(0.1, answering: others)
        }
        lone.run(0.1, answering: others)
        #expect(lone.sent.count { $0.message.isPing && $0.to.host != neighbour } == 1)
    }
}

extension Message {
    var isPing: Bool { if case .ping = body { true } else { false } }
}
