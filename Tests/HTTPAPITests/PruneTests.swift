import Foundation
import HTTPTypes
import HummingbirdTesting
import Ports
import Telemetry
import Testing

@Suite struct PruneTests {
    static let rows = [
        AuditRow(
            time: FakeNode.start, job: "prune", device: DeviceID("a/b"), decision: .hide, reason: "not heard",
            token: FencingToken(7)),
        AuditRow(
            time: FakeNode.start, job: "prune", device: nil, decision: .wait, reason: "n2 is dead",
            token: FencingToken(6)),
        AuditRow(
            time: FakeNode.start, job: "prune", device: DeviceID("c"), decision: .restore, reason: "asked for",
            token: nil),
    ]

    @Test func theAuditTellsEveryDecision() async throws {
        let node = FakeNode()
        node.change { $0.audit = Self.rows }
        let list = try await answer(node, .get, "/audit").list
        #expect(list.map { $0["decision"] as? String } == ["hide", "wait", "restore"])
        #expect(list.map { $0["device_id"] as? String } == ["a/b", nil, "c"])
        #expect(list.map { $0["fencing_token"] as? Int } == [7, 6, nil])
        #expect(list[1]["reason"] as? String == "n2 is dead")
        #expect(list[1]["device_id"] is NSNull)
        #expect(list[0]["time"] as? String == "2026-11-22T15:04:05.000Z")
        #expect(try await answer(node, .get, "/audit?limit=1").list.count == 1)
        for bad in ["0", "10001", "x"] {
            try expectProblem(try await answer(node, .get, "/audit?limit=" + bad), .badRequest)
        }
    }

    @Test func thePlanSaysWhoWouldGo() async throws {
        let node = FakeNode()
        let waiting = Waiting(reason: "n2 is dead", approval: Approval(members: ["n2 5"]))
        node.change { state in
            state.plan = PrunePlan(
                job: JobRow(
                    token: FencingToken(3), holder: "n1", lastRun: FakeNode.start, lastResult: "waits: n2 is dead",
                    waiting: waiting, lastTick: Tick(through: FakeNode.start, total: 90_500_000)),
                inactiveAfter: 60_000_000, deleteAfter: 600_000_000,
                hide: [
                    SilentDevice(
                        device: DeviceID(unchecked: "h"), lastHeard: FakeNode.start, readings: 5, isHidden: false)
                ],
                delete: [],
                silent: [
                    SilentDevice(
                        device: DeviceID(unchecked: "s"), lastHeard: FakeNode.start, readings: 7, isHidden: true)
                ])
            state.plan.leader = "n1"
            state.plan.keeperTrouble = "no answer in time"
        }
        let plan = try await answer(node, .get, "/prune").object
        #expect(plan["waits"] as? String == "n2 is dead")
        #expect(plan["watched_seconds"] as? Double == 90.5)
        #expect(plan["delete_after_seconds"] as? Double == 600)
        let hide = try #require(plan["hide"] as? [[String: Any]])
        #expect(hide.map { $0["device_id"] as? String } == ["h"])
        #expect(hide.map { $0["readings"] as? Int } == [5])
        #expect((plan["delete"] as? [Any])?.isEmpty == true)
        #expect(plan["leader"] as? String == "n1" && plan["keeper_trouble"] as? String == "no answer in time")
        let approval = try #require(plan["approval"] as? [String: Any])
        #expect(approval["members"] as? [String] == ["n2 5"] && approval["heard_through"] is NSNull)
        #expect((approval["silent"] as? [[String: Any]])?.map { $0["device_id"] as? String } == ["s"])
    }

    @Test func whatWasApprovedIsTold() async throws {
        let node = FakeNode()
        node.change {
            $0.waiting = Waiting(
                reason: "half", approval: Approval(heardThrough: FakeNode.start, members: ["n2 5"]))
        }
        let first = try await answer(node, .post, "/prune/approve").object
        #expect(first["approved"] as? Bool == true)
        #expect(first["reason"] as? String == "half")
        #expect(first["members"] as? [String] == ["n2 5"])
        let second = try await answer(node, .post, "/prune/approve").object
        #expect(second["approved"] as? Bool == false)
        #expect(second["reason"] is NSNull)
    }

    /// It waited with something else when somebody read it.
    @Test func anotherReasonIsNotApproved() async throws {
        let node = FakeNode()
        node.change { $0.waiting = Waiting(reason: "half & more", approval: Approval(members: ["n2 5"])) }
        let problem = try await answer(node, .post, "/prune/approve?reason=n2%20is%20dead")
        try expectProblem(problem, .conflict)
        #expect(try (problem.object["detail"] as? String)?.contains("half & more") == true)
        let right = try await answer(node, .post, "/prune/approve?reason=half%20%26%20more").object
        #expect(right["approved"] as? Bool == true)
    }

    @Test func aDeviceIsRestoredByItsPath() async throws {
        let node = FakeNode()
        node.change { $0.rows = [DeviceRow("a/b")] }
        let response = try await answer(node, .post, "/devices/a%2Fb/restore")
        #expect(response.status == .ok)
        #expect(try response.object["device_id"] as? String == "a/b")
        #expect(node.now.restored.map(\.text) == ["a/b"])
        try expectProblem(try await answer(node, .post, "/devices/x/restore"), .notFound)
        for path in ["/devices//restore", "/devices/a/restore/b", "/devices/a/restores"] {
            try expectProblem(try await answer(node, .post, path), .notFound)
        }
    }

    @Test(arguments: ["/audit", "/prune"])
    func aStoreThatIsAwayIs503(path: String) async throws {
        let node = FakeNode()
        node.change { $0.storeError = StoreError(.unavailable, "away") }
        try expectProblem(try await answer(node, .get, path), .serviceUnavailable)
        try expectProblem(try await answer(node, .post, "/prune/approve"), .serviceUnavailable)
        try expectProblem(try await answer(node, .get, "/prune/approve"), .methodNotAllowed)
    }
}
