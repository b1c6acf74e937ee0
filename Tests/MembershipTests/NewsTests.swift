import Membership
import Telemetry
import Testing

/// What rides on messages, how often, and how much of it.
struct NewsTests {
    @Test func newsAreSentOftenEnoughAndThenNoMore() {
        var lone = LoneCore(knowing: "b", "c", "d")
        lone.run(20, answering: ["b", "c", "d"])
        lone.clear()
        lone.hear(from: "b", rows: [lone.row("c", .alive, revision: 1)])
        lone.run(20, answering: ["b", "c", "d"])
        let count = lone.sent.count { $0.message.rumors.contains { $0.member.name == "c" } }
        #expect(count == lone.core.limits.retransmitFactor)
    }

    @Test func aFlockWithoutNewsSendsNoGossip() {
        var lone = LoneCore(knowing: "b", "c", "d")
        lone.run(20, answering: ["b", "c", "d"])
        lone.clear()
        lone.run(20, answering: ["b", "c", "d"])
        #expect(!lone.sent.contains { $0.message.body == .gossip })
    }

    @Test func newerNewsOfAMemberReplaceOlderOnes() {
        var lone = LoneCore(knowing: "b", "c", "d")
        lone.hear(from: "b", rows: [lone.row("c", .suspect)])
        lone.hear(from: "b", rows: [lone.row("c", .alive, revision: 1)])
        lone.clear()
        // Before the ping that the suspicion caused fails.
        lone.run(0.5, answering: ["b", "c", "d"])
        let rows = lone.sent.flatMap(\.message.rumors).filter { $0.member.name == "c" }
        #expect(!rows.isEmpty)
        #expect(rows.allSatisfy { $0.member.revision == 1 && $0.accuser == nil })
    }

    @Test func messagesStayWithinADatagramWithTheLongestTexts() {
        func long(_ index: Int, _ count: Int) -> String { "\(index)" + String(repeating: "x", count: count - 4) }
        var lone = LoneCore(knowing: "b")
        for index in 100..<160 {
            let id = MemberID(
                name: long(index, MembershipLimits.nameBytesMax),
                address: MemberAddress(host: long(index, MembershipLimits.hostBytesMax), port: 1), incarnation: .max)
            let metadata = MemberMetadata(
                httpAddress: long(index, MembershipLimits.httpAddressBytesMax),
                version: long(index, MembershipLimits.versionBytesMax), load: .max)
            lone.hear(from: "b", rows: [Member(id: id, revision: 1 << 60, status: .alive, metadata: metadata)])
        }
        #expect(lone.core.presentCount == 62)
        lone.hear(from: "b", .pull([UInt64](repeating: 1, count: MembershipLimits.partsCount), isAnswer: true))
        lone.run(10)
        let tables = lone.sent.filter { $0.message.body == .table }
        #expect(Set(tables.flatMap(\.message.rumors).map(\.member.name)).count == 62)
        for (message, _) in lone.sent { #expect(message.bytesMax <= lone.core.limits.datagramMax) }
    }

    @Test func aPullIsAnsweredWithThePartsThatDiffer() {
        var lone = LoneCore(knowing: "b", "c", "d", "e", "f", "g", "h")
        var other = lone
        other.hear(from: "b", rows: [other.row("c", .suspect)])
        lone.clear()
        lone.hear(from: "b", .pull(other.core.partDigests, isAnswer: false), digest: other.core.digest)
        let rows = lone.sent.filter { $0.message.body == .table }.flatMap(\.message.rumors).map(\.member.name)
        #expect(rows.contains("c"))
        #expect(rows.count < 8)
        #expect(lone.sent.contains { if case .pull(_, true) = $0.message.body { true } else { false } })
    }

    @Test func tablesThatDifferArePulledAtOnceButNotAllTheTime() {
        var lone = LoneCore(knowing: "b", "c")
        for number in 0..<50 { lone.hear(from: "b", .ping(UInt64(number), target: LoneCore.id("a")), digest: 1) }
        let pulls = lone.sent.count { if case .pull = $0.message.body { true } else { false } }
        #expect(pulls == 1)
    }

    /// Who is cut off while somebody leaves holds the leaver for dead; later that news is worn out, and the tables of those
    /// present are the same.
    @Test func whoHoldsALeaverForDeadIsToldBetter() throws {
        var late = LoneCore(knowing: "b", "c")
        late.hear(from: "b", rows: [late.row("c", .dead)])
        late.run(5, answering: ["b"])
        late.clear()
        late.run(5, answering: ["b"])
        let tables = late.sent.filter { $0.message.body == .table && $0.to.host == "b" }.map(\.message)
        #expect(Set(tables.flatMap(\.rumors).map(\.member)) == [late.row("c", .dead)])
        #expect(tables.count <= 3, "now and then")

        var knowing = LoneCore(knowing: "b", "c")
        knowing.hear(from: "b", rows: [knowing.row("c", .left)])
        knowing.run(5, answering: ["b"])
        knowing.clear()
        knowing.run(5, answering: ["b"])
        #expect(!knowing.sent.contains { !$0.message.rumors.filter { $0.member.name == "c" }.isEmpty }, "worn out")
        knowing.hear(from: "b", .table, rows: try #require(tables.first).rumors.map(\.member))
        knowing.run(1, answering: ["b"])
        let news = knowing.sent.flatMap(\.message.rumors).map(\.member).filter { $0.name == "c" }
        #expect(Set(news) == [knowing.row("c", .left)])
        late.hear(from: "b", rows: news)
        #expect(late.status("c") == .left)
    }

    @Test func aFullTableTakesNobodyNewAndCountsIt() {
        var limits = MembershipLimits()
        limits.membersMax = 2
        var lone = LoneCore(knowing: "b", "c", "d", limits: limits)
        #expect(lone.core.presentCount == 3)
        #expect(lone.core.counts.refusedMembers >= 1)
        lone.hear(from: "b", rows: [lone.row("c", .alive, revision: 3)])
        #expect(lone.core.member("c")?.revision == 3, "whoever is known is still heard of")
    }
}
