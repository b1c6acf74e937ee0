import Telemetry

/// What goes wrong in one campaign, and when: a value of its seed alone.
///
/// Faults run in lanes, one after the other in each: what is done to nodes, a second node that is killed meanwhile, the
/// network, the servers, clocks. Between lanes they meet as chance will have it, but for what would make the promise void:
/// a majority of the nodes always runs and answers devices, no node suffers two things at once that stop it, no disk is
/// ever lost.
package struct CampaignSchedule: Hashable, Sendable, CustomStringConvertible {
    package let seed: UInt64
    /// Nodes at the beginning; one more may join.
    package let nodesCount: Int
    package let milliseconds: Int
    /// In the order in which they begin.
    package let faults: [PlannedFault]

    package static let nodesCountMin = 3
    package static let nodesCountMax = 16
    /// The least that has room for a fault of every lane.
    package static let millisecondsMin = 30_000
    package static let millisecondsMax = 24 * 3_600_000

    /// Before the first fault: devices that fall silent for good have been heard and stored by then.
    package static let quietBefore = 10_000
    /// After the last.
    package static let quietAfter = 3_000
    /// From one node of a rolling restart to the next; each is down for half of it.
    package static let restartMilliseconds = 7_000
    /// A device waits so long for an answer. Two faults that let it wait do not follow one another sooner: it would be
    /// silent for longer than the pruner's patience, and rightly hidden.
    package static let answerMilliseconds = 12_000

    package init(seed: UInt64, nodesCount: Int, milliseconds: Int) {
        precondition((Self.nodesCountMin...Self.nodesCountMax).contains(nodesCount), "\(nodesCount) nodes")
        precondition((Self.millisecondsMin...Self.millisecondsMax).contains(milliseconds), "\(milliseconds) ms")
        self.seed = seed
        self.nodesCount = nodesCount
        self.milliseconds = milliseconds
        var plan = Plan(seed: seed, nodesCount: nodesCount, end: milliseconds - Self.quietAfter)
        plan.fill()
        faults = plan.faults.sorted {
            ($0.start, $0.end, $0.fault.kind.rawValue) < ($1.start, $1.end, $1.fault.kind.rawValue)
        }
    }

    /// All nodes that ever are.
    package var nodesCountAtMost: Int { nodesCount + 1 }

    /// What the driver does, in order.
    package var acts: [TimedAct] {
        let all = faults.flatMap { $0.acts(nodesCount: nodesCountAtMost) }
        return all.enumerated().sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }.map(\.element)
    }

    /// Nodes that are members after the last act.
    package var lastMembers: [Int] {
        var members = Set(0..<nodesCount)
        for planned in faults {
            switch planned.fault {
            case .join(let node): members.insert(node)
            case .leave(let node): members.remove(node)
            default: break
            }
        }
        return members.sorted()
    }

    package var description: String {
        let head = "seed \(seed), \(nodesCount) nodes, \(milliseconds / 1000) s, \(faults.count) faults"
        return ([head] + faults.map { "  \($0)" }).joined(separator: "\n")
    }
}

/// Draws the faults of one schedule.
private struct Plan {
    private enum Lane: UInt64 {
        case nodes, secondNode, network, servers, clocks

        var isSparse: Bool { self == .secondNode || self == .clocks }
    }

    /// With two of as many down a majority is left.
    private static let membersOfTwo = 5

    let nodesCount: Int
    let end: Int
    private let seed: UInt64
    private(set) var faults: [PlannedFault] = []

    init(seed: UInt64, nodesCount: Int, end: Int) {
        self.seed = seed
        self.nodesCount = nodesCount
        self.end = end
    }

    mutating func fill() {
        fillLane(.nodes, [.kill, .freeze, .diskFull, .kill, .freeze, .rollingRestart, .join, .leave])
        if nodesCount >= Self.membersOfTwo { fillLane(.secondNode, [.kill]) }
        fillLane(.network, [.split, .deaf, .mute, .answersLost, .serversLost, .loss, .split])
        fillLane(.servers, [.databaseKilled, .redisKilled, .redisEmptied])
        fillLane(.clocks, [.clock])
    }

    /// Each lane has a source of its own, so that one more kind of fault in one leaves the others as they were.
    private mutating func fillLane(_ lane: Lane, _ kinds: [Fault.Kind]) {
        var random = SeededGenerator(seed: SeededGenerator.mixed(seed &* 0x9E37_79B9 &+ lane.rawValue))
        var time = CampaignSchedule.quietBefore + random.draw(below: 4_000)
        var deck: [Fault.Kind] = []
        var refused = 0
        // A deck that was refused whole has nothing that still fits.
        while time < end, refused <= kinds.count {
            if deck.isEmpty { deck = Self.permuted(kinds, &random) }
            guard let kind = deck.popLast() else { return }
            guard let planned = plan(kind, in: lane, at: time, &random) else {
                refused += 1
                // Others may be out of the way by then.
                time += 500
                continue
            }
            refused = 0
            faults.append(planned)
            time = planned.end + 1_000 + random.draw(below: lane.isSparse ? 20_000 : 5_000)
        }
    }

    /// - Returns: nil if it does not fit there.
    private func plan(
        _ kind: Fault.Kind, in lane: Lane, at start: Int, _ random: inout SeededGenerator
    ) -> PlannedFault? {
        guard let (fault, milliseconds) = draw(kind, members(at: start), &random) else { return nil }
        let planned = PlannedFault(fault, from: start, to: start + milliseconds)
        guard planned.end <= end, faults.allSatisfy({ planned.isAllowed(beside: $0) }) else { return nil }
        if lane == .secondNode {
            let members = min(members(at: start).count, members(at: planned.end).count)
            guard members >= Self.membersOfTwo else { return nil }
        }
        return planned
    }

    /// Who has joined by then and does not leave yet.
    private func members(at time: Int) -> [Int] {
        let joined = faults.contains { $0.fault.kind == .join && $0.end <= time } ? [nodesCount] : []
        let left = faults.filter { $0.fault.kind == .leave && $0.start <= time }.flatMap(\.fault.nodes)
        return (Array(0..<nodesCount) + joined).filter { !left.contains($0) }
    }

    private func draw(
        _ kind: Fault.Kind, _ members: [Int], _ random: inout SeededGenerator
    ) -> (Fault, milliseconds: Int)? {
        let node = members[random.draw(below: members.count)]
        func lasting(_ least: Int, _ most: Int) -> Int { least + random.draw(below: most - least) }
        let hasJoined = faults.contains { $0.fault.kind == .join }
        let hasLeft = faults.contains { $0.fault.kind == .leave }
        switch kind {
        case .kill: return (.kill(node: node), lasting(1_500, 12_000))
        case .freeze: return (.freeze(node: node), lasting(1_000, 12_000))
        case .diskFull: return (.diskFull(node: node), lasting(4_000, 12_000))
        case .rollingRestart:
            let nodes = Self.permuted(members, &random)
            return (.rollingRestart(nodes: nodes), nodes.count * CampaignSchedule.restartMilliseconds)
        case .join: return hasJoined ? nil : (.join(node: nodesCount), 4_000)
        case .leave: return hasLeft || members.count <= 3 ? nil : (.leave(node: node), 6_000)
        case .split:
            let nodes = Self.permuted(members, &random).prefix(1 + random.draw(below: (members.count - 1) / 2)).sorted()
            return (.split(nodes: nodes, fromServers: random.draw(below: 2) == 0), lasting(4_000, 20_000))
        case .deaf: return (.deaf(node: node), lasting(4_000, 15_000))
        case .mute: return (.mute(node: node), lasting(4_000, 15_000))
        case .answersLost: return (.answersLost(node: node), lasting(2_000, 9_000))
        case .serversLost: return (.serversLost(node: node), lasting(3_000, 15_000))
        case .loss: return (.loss(node: node, percent: 2 + random.draw(below: 25)), lasting(5_000, 20_000))
        case .databaseKilled: return (.databaseKilled, lasting(2_000, 15_000))
        case .redisKilled: return (.redisKilled(emptied: false), lasting(1_000, 10_000))
        case .redisEmptied: return (.redisKilled(emptied: true), lasting(500, 10_000))
        case .clock:
            // A reading more than five minutes ahead of a node's clock is refused, rightly.
            let steps = [-240, -60, -5, 5, 60, 600, 3_600, 86_400]
            return (.clock(node: node, seconds: steps[random.draw(below: steps.count)]), lasting(3_000, 20_000))
        }
    }

    private static func permuted<Element>(_ list: [Element], _ random: inout SeededGenerator) -> [Element] {
        var list = list
        for index in list.indices.dropFirst().reversed() { list.swapAt(index, random.draw(below: index + 1)) }
        return list
    }
}

extension PlannedFault {
    /// Processes that are down or stand still, or whose disk refuses.
    package var stopsNodes: Bool {
        switch fault.kind {
        case .kill, .freeze, .diskFull, .rollingRestart, .join, .leave: true
        default: false
        }
    }

    /// Devices wait for answers that do not come.
    package var letsDevicesWait: Bool { [.freeze, .answersLost].contains(fault.kind) }

    /// What may not meet.
    func isAllowed(beside other: PlannedFault) -> Bool {
        if letsDevicesWait, other.letsDevicesWait, overlaps(other, slack: CampaignSchedule.answerMilliseconds) {
            return false
        }
        guard stopsNodes, other.stopsNodes, overlaps(other, slack: 1_000) else { return true }
        return Set(fault.nodes).isDisjoint(with: other.fault.nodes)
    }
}
