import Telemetry

/// What happens to a few nodes, their clocks and the keeper of their lease: drawn from a seed. Times are in microseconds.
package struct LeaseScenario: Hashable, Sendable {
    /// What goes wrong, from when it is drawn until its time is over.
    package enum Disaster: Hashable, Sendable {
        /// Questions, answers or both vanish between a node and the keeper.
        case cut(node: Int, questions: Bool, answers: Bool, for: Int64)
        /// SIGSTOP to a node.
        case nodePaused(node: Int, for: Int64)
        /// SIGSTOP to a node right after it asked whether it may act.
        case nodePausedInAct(node: Int, for: Int64)
        /// SIGKILL to a node, started again later.
        case nodeKilled(node: Int, for: Int64)
        /// A node leaves, and is started again later.
        case nodeLeaves(node: Int, for: Int64)
        /// The work of a leader fails: it gives the lease back and seeks again.
        case nodeStepsDown(node: Int)
        /// SIGSTOP to the keeper: what it is asked meanwhile it does when it wakes.
        case keeperPaused(for: Int64)
        /// SIGKILL to the keeper: calls fail at once until it is started again, empty.
        case keeperKilled(for: Int64)
        /// The keeper forgets.
        case keeperEmptied

        package var kind: String { "\(self)".split(separator: "(").first.map(String.init) ?? "" }
    }

    package struct Step: Hashable, Sendable, CustomStringConvertible {
        /// Since the storm began.
        package let at: Int64
        package let disaster: Disaster

        package var description: String { "\(Trace.seconds(Moment(microseconds: at))) \(disaster)" }
    }

    package static let kinds: Set<String> = [
        "cut", "nodePaused", "nodePausedInAct", "nodeKilled", "nodeLeaves", "nodeStepsDown", "keeperPaused",
        "keeperKilled", "keeperEmptied",
    ]

    package let seed: UInt64
    package let ttl: Int64
    /// How fast each node's clock runs, in thousandths of true time; and the keeper's.
    let nodePermilles: [Int64]
    let keeperPermille: Int64
    let lossPercent: Int
    let doublePercent: Int
    /// Of messages in a storm: so many are slow, and take up to a TTL.
    let slowPercent: Int
    /// Each ends in a calm, in which a leader must be found.
    package let storms: [[Step]]

    static let stormsCount = 3
    /// In TTLs.
    static let stormLength: Int64 = 8

    package init(seed: UInt64) {
        var random = SeededGenerator(seed: seed &+ 0x1EA5E)
        self.seed = seed
        let ttl: Int64 = random.draw(below: 4) == 0 ? 1_000_000 : 3_000_000
        self.ttl = ttl
        let nodesCount = 2 + random.draw(below: 4)
        nodePermilles = (0..<nodesCount).map { _ in Self.permille(&random) }
        keeperPermille = Self.permille(&random)
        lossPercent = [0, 2, 10, 30][random.draw(below: 4)]
        doublePercent = [0, 5, 20][random.draw(below: 3)]
        slowPercent = [0, 5, 30][random.draw(below: 3)]
        // Half of the keepers never forget, so that nothing excuses two leaders.
        let forgets = random.draw(below: 2) == 0
        storms = (0..<Self.stormsCount).map { _ in
            let count = 2 + random.draw(below: 9)
            return (0..<count).map { _ in
                let at = Int64(random.draw(below: Int(ttl * Self.stormLength)))
                return Step(at: at, disaster: Self.disaster(nodesCount, ttl, forgets, &random))
            }.sorted { $0.at < $1.at }
        }
    }

    /// The ends of what is allowed are drawn more often than what lies between.
    private static func permille(_ random: inout SeededGenerator) -> Int64 {
        switch random.draw(below: 4) {
        case 0: 900
        case 1: 1_100
        default: 900 + Int64(random.draw(below: 201))
        }
    }

    private static func disaster(
        _ nodesCount: Int, _ ttl: Int64, _ forgets: Bool, _ random: inout SeededGenerator
    ) -> Disaster {
        let node = random.draw(below: nodesCount)
        let time = ttl / 10 + Int64(random.draw(below: Int(3 * ttl)))
        switch random.draw(below: forgets ? 15 : 13) {
        case 0...3:
            let which = random.draw(below: 3)
            return .cut(node: node, questions: which != 0, answers: which != 1, for: time)
        case 4: return .nodePaused(node: node, for: time)
        case 5, 6: return .nodePausedInAct(node: node, for: time)
        case 7: return .nodeKilled(node: node, for: time)
        case 8, 9: return .nodeLeaves(node: node, for: time)
        case 10, 11: return .nodeStepsDown(node: node)
        case 12: return .keeperPaused(for: time)
        case 13: return .keeperKilled(for: time)
        default: return .keeperEmptied
        }
    }
}
