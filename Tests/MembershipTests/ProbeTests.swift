import Membership
import Telemetry
import Testing

/// Who is pinged, who is asked to ping, and what silence says of whom.
struct ProbeTests {
    @Test func everyMemberIsPingedInTurn() {
        var lone = LoneCore(knowing: "b", "c", "d", "e")
        lone.run(8, answering: ["b", "c", "d", "e"])
        for name in ["b", "c", "d", "e"] { #expect(!lone.pings(to: name).isEmpty, "\(name)") }
        #expect((9...11).contains(lone.sent.count { if case .ping = $0.message.body { true } else { false } }))
        #expect(lone.core.health == 0)
    }

    @Test func othersAreAskedBeforeAMemberIsSuspected() {
        var lone = LoneCore(knowing: "b", "c", "d", "e")
        lone.run(2.5, answering: ["c", "d", "e"])
        let asked = lone.sent.filter { if case .pingRequest = $0.message.body { true } else { false } }
        #expect(Set(asked.map(\.to.host)) == ["c", "d", "e"])
        #expect(lone.status("b") == .suspect)
    }

    @Test func anAckThroughAHelperIsAsGoodAsAnother() throws {
        var lone = LoneCore(knowing: "b", "c", "d")
        while lone.pings(to: "b").isEmpty { lone.run(0.1, answering: ["c", "d"]) }
        lone.run(0.4, answering: ["c", "d"])
        lone.hear(from: "c", .ack(try #require(lone.pings(to: "b").first)))
        lone.run(1, answering: ["b", "c", "d"])
        #expect(lone.status("b") == .alive)
        #expect(lone.core.counts.suspicions == 0)
    }

    @Test func anAckOfSomebodyWhoWasNotAskedProvesNothing() throws {
        var lone = LoneCore(knowing: "b", "c", "d")
        while lone.pings(to: "b").isEmpty { lone.run(0.1, answering: ["c", "d"]) }
        lone.hear(from: "c", .ack(try #require(lone.pings(to: "b").first)))
        lone.run(1, answering: ["c", "d"])
        #expect(lone.status("b") == .suspect)
    }

    /// Awareness: helpers that say that they hear nothing either speak for this node, silent ones against it.
    @Test(arguments: [true, false]) func silentHelpersSpeakAgainstThisNode(_ areSilent: Bool) {
        var lone = LoneCore(knowing: "b", "c", "d", "e")
        while lone.status("b") == .alive {
            let before = lone.sent.count
            lone.run(0.1, answering: ["c", "d", "e"])
            guard !areSilent else { continue }
            for (message, to) in lone.sent[before...] {
                if case .pingRequest(let number, _) = message.body { lone.hear(from: to.host, .nack(number)) }
            }
        }
        #expect((lone.core.health > 0) == areSilent)
    }

    /// A node in bad health waits longer for answers. It asks as often as ever: only answers make it well again.
    @Test func healthIsBoundedStretchesWaitsAndRecoversAtTheUsualPace() {
        var lone = LoneCore(knowing: "b", "c", "d", "e", "f", "g")
        lone.run(60)
        #expect(lone.core.health == lone.core.limits.healthMax)
        var fresh = LoneCore(knowing: "b", "c")
        for _ in 0..<20 { fresh.hear(from: "b", rows: [fresh.row("a", .suspect, revision: fresh.core.me.revision)]) }
        #expect(fresh.core.health == fresh.core.limits.healthMax)
        var silent = fresh
        silent.run(6)
        #expect(["b", "c"].allSatisfy { silent.status($0) == .alive })
        fresh.clear()
        fresh.run(9, answering: ["b", "c"])
        #expect((9...11).contains(fresh.pings(to: "b").count + fresh.pings(to: "c").count))
        #expect(fresh.core.health == 0)
    }

    @Test func aHelperPassesOnAcksAndOwnsUpToSilence() throws {
        var lone = LoneCore(knowing: "b", "c")
        lone.hear(from: "c", .pingRequest(77, target: LoneCore.id("b")))
        let number = try #require(lone.pings(to: "b").first)
        lone.run(0.4)
        #expect(lone.sent.contains { $0.message.body == .nack(77) && $0.to.host == "c" })
        lone.hear(from: "b", .ack(number))
        #expect(lone.sent.contains { $0.message.body == .ack(77) && $0.to.host == "c" })
    }

    @Test func requestsBeyondTheLimitAreRefusedAndCounted() {
        var lone = LoneCore(knowing: "b", "c")
        for number in 0..<100 { lone.hear(from: "c", .pingRequest(UInt64(number), target: LoneCore.id("b"))) }
        #expect(lone.pings(to: "b").count == lone.core.limits.relaysMax)
        #expect(lone.core.counts.refusedProbes == 100 - lone.core.limits.relaysMax)
    }

    @Test func aPingForAnotherNameAtThisAddressIsNotAnswered() {
        var lone = LoneCore(knowing: "b")
        lone.hear(from: "b", .ping(1, target: LoneCore.id("z")))
        #expect(!lone.sent.contains { $0.message.body == .ack(1) })
    }

    /// A ping for an earlier life says that the sender does not know this one yet.
    @Test func aPingForAnEarlierLifeIsAnsweredByThisOne() throws {
        var lone = LoneCore(knowing: "b")
        lone.run(5, answering: ["b"])
        lone.clear()
        lone.hear(from: "b", .ping(1, target: LoneCore.id("a", incarnation: 4)))
        let ack = try #require(lone.sent.first { $0.message.body == .ack(1) })
        #expect(ack.message.rumors.first?.member == lone.core.me)
    }

    @Test func nothingIsSentToThisNodesOwnAddress() {
        var lone = LoneCore(knowing: "b")
        let id = MemberID(name: "x", address: LoneCore.id("a").address, incarnation: 1)
        lone.hear(from: "b", rows: [Member(id: id, revision: 0, status: .alive)])
        lone.run(30, answering: ["b"])
        #expect(!lone.sent.contains { $0.to == LoneCore.id("a").address })
        #expect(lone.status("x") == .dead, "whoever it was is not there")
    }

    @Test func theGoneArePingedForEver() {
        var lone = LoneCore(knowing: "b", "c")
        _ = lone.secondsToDeath(of: "b", answering: ["c"])
        lone.clear()
        lone.run(600, answering: ["c"])
        #expect((250...310).contains(lone.pings(to: "b").count))
    }

    @Test func aloneItAsksItsSeedsOften() {
        let seed = MemberAddress(host: "s", port: 1)
        var lone = LoneCore(seeds: [seed])
        lone.run(4)
        #expect((9...11).contains(lone.pings(to: "s").count))
        #expect(!lone.sent.contains { $0.to == LoneCore.id("a").address })
    }
}
