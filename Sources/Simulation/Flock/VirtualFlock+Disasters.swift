import ControlPlane
import Membership
import Telemetry

/// What goes wrong, and how it ends.
extension VirtualFlock {
    /// Loss of a bad link.
    static let badLoss = 0.9

    package mutating func cut(_ from: some Sequence<Int>, _ to: some Sequence<Int>, for time: Int64, loss: Double = 1) {
        let cut = Cut(id: cutsCount, from: Set(from), to: Set(to), loss: loss)
        cutsCount += 1
        cuts.append(cut)
        excuse(cut.from.union(cut.to).sorted(), until: later(time + Self.excuse))
        agenda.add(.heal(id: cut.id), at: later(time))
    }

    package mutating func cutBothWays(_ half: some Sequence<Int>, _ rest: some Sequence<Int>, for time: Int64) {
        cut(half, rest, for: time)
        cut(rest, half, for: time)
    }

    mutating func perform(_ disaster: FlockDisaster) {
        trace.note(now, "disaster", text: "\(disaster)")
        switch disaster {
        case .crash(let one): crash(one)
        case .restart(let one, let isMoved):
            crash(one)
            if isMoved { move(one) }
            start(one)
        case .startIfDown(let one): if nodes[one].plane == nil { start(one) }
        case .cut(let from, let to, let time): cut(from, to, for: time)
        case .cutBothWays(let half, let rest, let time): cutBothWays(half, rest, for: time)
        case .badLink(let one, let isInward, let time):
            let others = nodes.indices.filter { $0 != one }
            cut(isInward ? others : [one], isInward ? [one] : others, for: time, loss: Self.badLoss)
        case .pause(let one, let time): pause(one, for: time)
        case .loss(let percent):
            // What was lost before the loss ended may still kill.
            excuseLoss()
            weather.loss = Double(percent) / 100
            excuseLoss()
        case .leave(let one): leave(one)
        case .metadata(let one, let version): change(MemberMetadata(version: "\(version)"), at: one)
        case .takeAddress(let one, let other): takeAddress(one, of: other)
        case .double(let one): double(one)
        }
        for index in running { handle(.seedsResolved(seeds(of: index)), at: index) }
    }

    private mutating func excuseLoss() {
        guard weather.loss > Self.lossExcused else { return }
        // As long as it lasts: it ends with the next such disaster, or with all of them.
        excuse(nodes.indices, until: later(10 * Self.excuse))
    }

    package mutating func move(_ index: Int) {
        movesCount += 1
        nodes[index].address = Self.address(of: index, port: 10_000 + UInt16(truncatingIfNeeded: movesCount))
    }

    package mutating func takeAddress(_ one: Int, of other: Int) {
        guard one != other else { return }
        crash(one)
        crash(other)
        nodes[one].address = nodes[other].address
        move(other)
        start(one)
        start(other)
    }

    package mutating func double(_ index: Int) {
        guard let id = nodes[index].plane?.membership.me.id else { return }
        var node = Node(
            name: id.name, address: Self.address(of: nodes.count), seeds: nodes[index].seeds, flock: Self.flockID)
        node.clockStart = nodes[index].clockStart
        node.excusedUntil = nodes[index].excusedUntil
        nodes.append(node)
        start(nodes.count - 1, incarnation: id.incarnation)
    }

    /// All disasters end: links heal, who stood still goes on, and the seeds run.
    mutating func calm() {
        trace.note(now, "calm", text: "")
        cuts = []
        weather.loss = 0
        for index in running { resume(index) }
        for index in 0..<min(2, nodes.count) where nodes[index].plane?.membership.phase != .running {
            if !running.contains(where: { nodes[$0].name == nodes[index].name && $0 != index }) { start(index) }
        }
        for index in running { handle(.seedsResolved(seeds(of: index)), at: index) }
    }
}
