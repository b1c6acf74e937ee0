import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Ports
import Testing

/// `GET /cluster` of a flock.
@Suite struct ClusterTests {
    private static func member(_ name: String, _ status: ClusterView.Member.Status) -> ClusterView.Member {
        ClusterView.Member(
            name: name, address: "127.0.0.1:7946", http: "127.0.0.1:8080", status: status, incarnation: 1,
            ringShare: 0.25, devices: 0, version: "0.1.0", since: FakeNode.start)
    }

    private static func flock() -> FakeNode {
        let node = FakeNode()
        node.change { state in
            state.members = [
                member("n10", .alive), member("n2", .suspect), member("n0", .alive), member("N1", .dead),
                member("n1", .left),
            ]
            state.ledger.accepted = 10
            state.ledgerOfFlock = Ledger()
            state.ledgerOfFlock?.accepted = 30
        }
        return node
    }

    @Test func membersAreSortedByNameAsBytes() async throws {
        let view = try await answer(Self.flock(), .get, "/cluster").object
        let members = try #require(view["members"] as? [[String: Any]])
        #expect(members.map { $0["name"] as? String } == ["N1", "n0", "n1", "n10", "n2"])
        #expect(members.map { $0["status"] as? String } == ["dead", "alive", "left", "alive", "suspect"])
        #expect(view["ledger_all"] == nil)
        #expect(view["partial"] == nil)
    }

    @Test func theSumIsTheFlocksAndTheLedgerStaysTheNodes() async throws {
        let view = try await answer(Self.flock(), .get, "/cluster?scope=all").object
        #expect((view["ledger"] as? [String: Any])?["accepted"] as? Int == 10)
        #expect((view["ledger_all"] as? [String: Any])?["accepted"] as? Int == 30)
        #expect(view["partial"] == nil)
    }

    @Test func whoDidNotAnswerForTheSumIsNamed() async throws {
        let node = Self.flock()
        node.change { $0.missing = ["n2", "n10"] }
        let view = try await answer(node, .get, "/cluster?scope=all").object
        #expect(view["partial"] as? [String] == ["n10", "n2"])
    }

    @Test func whoOwnsWhichSlotIsToldIfItIsAskedFor() async throws {
        let node = Self.flock()
        for target in ["/cluster", "/cluster?ring=false"] {
            let ring = try #require(try await answer(node, .get, target).object["ring"] as? [String: Any])
            #expect(Set(ring.keys) == ["slots", "digest"])
        }
        let ring = try #require(try await answer(node, .get, "/cluster?ring=true").object["ring"] as? [String: Any])
        #expect(ring["slots"] as? Int == 4_096)
        #expect(ring["digest"] as? String == "abc")
        #expect(ring["members"] as? [String] == ["n0", "n1", "n2"])
        #expect(ring["owners"] as? [Int] == node.now.ring.owners.map(Int.init))
    }

    @Test func aRingWithoutMembersHasNoOwners() async throws {
        let node = Self.flock()
        node.change { $0.ring = RingView(slots: 4_096, digest: "0", members: [], owners: []) }
        let text = try await answer(node, .get, "/cluster?ring=true&scope=all").text
        #expect(text.contains(#""ring":{"slots":4096,"digest":"0","members":[],"owners":[]}"#))
    }

    @Test(arguments: ["ring=yes", "ring=", "ring=all", "ring=true&ring=true", "ring=TRUE"])
    func whatIsNeitherTrueNorFalseIsABadParameter(query: String) async throws {
        let response = try await answer(Self.flock(), .get, "/cluster?" + query)
        try expectProblem(response, .badRequest)
        #expect((try response.object["detail"] as? String)?.contains("ring") == true)
    }

    @Test func membersAreCountedByStatus() async throws {
        let text = try await answer(Self.flock(), .get, "/metrics").text
        for line in [
            #"starling_members{status="alive"} 2"#, #"starling_members{status="suspect"} 1"#,
            #"starling_members{status="dead"} 1"#, #"starling_members{status="left"} 1"#,
            "starling_ring_share_ratio 0.25",
        ] { #expect(text.contains(line + "\n"), "\(line) is missing in\n\(text)") }
    }
}
