package import ClusterActors
import DataPlane
import HashRing
import Ports
import Telemetry

/// The calls between nodes. Numbers are frozen: nodes of different age call each other by them.

extension Scoring: WireActor {
    package static var wireCalls: [WireCall<Scoring>] {
        let nobody = Owner(name: "", incarnation: 0)
        return [
            WireCall(1, "score") {
                let writer = WriterID(0)
                _ = try await $0.score(
                    ScoreCall(origin: LogID(high: 0, low: 0), writer: writer, number: CallNumber(0)))
            },
            WireCall(2, "forget") { try await $0.forget(DeviceID(unchecked: "-"), at: .epoch) },
            WireCall(3, "latest") { _ = try await $0.latest(LatestCall(query: LatestQuery())) },
            WireCall(4, "knows") { _ = try await $0.knows(DeviceID(unchecked: "-")) },
            WireCall(5, "changes") { _ = try await $0.changes(LiveCall(cursor: nil)) },
            WireCall(6, "pull") { _ = try await $0.pull(PullCall(by: nobody, [])) },
            WireCall(7, "offer") { try await $0.offer(OfferCall(by: nobody, SlotSet())) },
            WireCall(8, "show") { try await $0.show(DeviceID(unchecked: "-")) },
        ]
    }
}

extension Overview: WireActor {
    package static var wireCalls: [WireCall<Overview>] {
        [
            WireCall(1, "status") { _ = try await $0.status() },
            WireCall(2, "settle") { _ = try await $0.settle() },
        ]
    }
}
