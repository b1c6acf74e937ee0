import ControlPlane
import HashRing
import Membership
import Telemetry
import Testing

struct ControlPlaneTests {
    static let start = Moment(microseconds: 0)

    static func id(_ name: String) -> MemberID {
        MemberID(name: name, address: MemberAddress(host: name, port: 1), incarnation: 5)
    }

    static func plane(_ name: String = "a") -> ControlPlane {
        ControlPlane(MembershipCore(id: id(name), flock: 7, seed: 1))
    }

    static func owners(_ effects: [ControlPlane.Effect]) -> [[String]] {
        effects.compactMap { if case .ownersChanged(let owners) = $0 { owners.map(\.name) } else { nil } }
    }

    /// Lets two planes talk until neither has anything to say; returns what else they said.
    static func talk(
        _ first: inout ControlPlane, _ second: inout ControlPlane, _ effects: [ControlPlane.Effect], now: Moment
    ) -> [ControlPlane.Effect] {
        var others: [ControlPlane.Effect] = []
        var queue = effects
        for _ in 0..<100 where !queue.isEmpty {
            guard case .send(let message, let address) = queue.removeFirst() else { continue }
            var next: [ControlPlane.Effect] = []
            let from = message.sender.address
            if address.host == first.membership.me.name {
                next = first.handle(.received(message, from: from), now: now)
            }
            if address.host == second.membership.me.name {
                next = second.handle(.received(message, from: from), now: now)
            }
            others += next
            queue += next
        }
        return others
    }

    @Test func aNodeThatIsNotToldToJoinOwnsAllAtTheFirstTick() {
        var plane = Self.plane()
        #expect(Self.owners(plane.handle(.started(seeds: [], isToldToJoin: false), now: Self.start)).isEmpty)
        #expect(Self.owners(plane.handle(.tick, now: Self.start)) == [["a"]])
        #expect(Self.owners(plane.handle(.tick, now: Self.start)).isEmpty, "told once")
    }

    @Test func aNodeThatFindsNobodyGoesOnAloneAfterItsPatience() {
        var plane = Self.plane()
        _ = plane.handle(.started(seeds: [], isToldToJoin: true), now: Self.start)
        let almost = Moment(microseconds: plane.limits.joinPatience - 1)
        #expect(Self.owners(plane.handle(.tick, now: almost)).isEmpty)
        let effects = plane.handle(.tick, now: almost.advanced(byMicroseconds: 1))
        #expect(effects.contains(.joinEnded(.alone)))
        #expect(Self.owners(effects) == [["a"]])
    }

    @Test func twoNodesJoinAndAgreeOnTheOwners() {
        var first = Self.plane("a")
        var second = Self.plane("b")
        var effects = first.handle(.started(seeds: [], isToldToJoin: false), now: Self.start)
        effects += second.handle(.started(seeds: [Self.id("a").address], isToldToJoin: true), now: Self.start)
        var told = Self.talk(&first, &second, effects, now: Self.start)
        for step in 1...30 {
            let now = Moment(microseconds: Int64(step) * 100_000)
            let more = first.handle(.tick, now: now) + second.handle(.tick, now: now)
            told += more + Self.talk(&first, &second, more, now: now)
        }
        #expect(second.join == .joined)
        #expect(first.owners == second.owners)
        #expect(first.owners?.map(\.name) == ["a", "b"])
        #expect(told.contains(.joinEnded(.joined)))
    }

    @Test func anotherFlockIsNamedOnce() {
        var plane = Self.plane()
        _ = plane.handle(.started(seeds: [], isToldToJoin: false), now: Self.start)
        let message = Message(flock: 8, sender: Self.id("b"), digest: 0, body: .gossip, rumors: [])
        let address = Self.id("b").address
        #expect(
            plane.handle(.received(message, from: address), now: Self.start) == [.strangerHeard(flock: 8, at: address)])
        #expect(plane.handle(.received(message, from: address), now: Self.start).isEmpty)
    }

    @Test func theNamesOfTheSeedsAreLookedUpForEver() {
        var plane = Self.plane()
        _ = plane.handle(.started(seeds: [], isToldToJoin: true), now: Self.start)
        for round in 1...3 {
            let now = Moment(microseconds: Int64(round) * plane.limits.resolveInterval)
            #expect(plane.handle(.tick, now: now).contains(.resolveSeeds))
        }
    }

    @Test func aLeaverIsNoOwner() {
        var plane = Self.plane()
        _ = plane.handle(.started(seeds: [], isToldToJoin: false), now: Self.start)
        _ = plane.handle(.tick, now: Self.start)
        _ = plane.handle(.leave, now: Self.start)
        #expect(Self.owners(plane.handle(.tick, now: Self.start)) == [[]])
    }
}
