import Telemetry

/// What a seed makes happen: a flock, its network, and a schedule of disasters.
package struct FlockScenario: Hashable, Sendable {
    package let seed: UInt64
    package let nodesCount: Int
    let delayMax: Int
    let doubling: Double
    let driftMax: Int
    package let steps: [Step]

    package struct Step: Hashable, Sendable, CustomStringConvertible {
        /// Time until the next step.
        let pause: Int64
        package let disaster: FlockDisaster

        package var description: String { "\(disaster), then \(pause / 1_000) ms" }
    }

    static let stepsCount = 7

    /// Mostly a few nodes, where chance meets more often.
    package init(seed: UInt64) {
        var random = SeededGenerator(seed: SeededGenerator.mixed(seed) ^ 0xF10C)
        self.seed = seed
        let count = seed % 50 == 49 ? 24 : 2 + random.draw(below: 6)
        nodesCount = count
        delayMax = [1_000, 5_000, 30_000][random.draw(below: 3)]
        doubling = [0, 0.05, 0.2][random.draw(below: 3)]
        driftMax = [0, 1_000, 20_000][random.draw(below: 3)]
        steps = (0..<Self.stepsCount).map { _ in
            Step(
                pause: 300_000 + Int64(random.draw(below: 3_000_000)),
                disaster: FlockDisaster(of: count, &random))
        }
    }
}

/// One thing that goes wrong; nodes by number.
package enum FlockDisaster: Hashable, Sendable {
    case crash(Int)
    case restart(Int, isMoved: Bool)
    case startIfDown(Int)
    /// What `from` sends to `to` is lost.
    case cut(from: [Int], to: [Int], time: Int64)
    case cutBothWays([Int], [Int], time: Int64)
    /// Most of what goes from one node to the others is lost, or most of what comes.
    case badLink(Int, isInward: Bool, time: Int64)
    case pause(Int, time: Int64)
    case loss(percent: Int)
    case leave(Int)
    case metadata(Int, version: Int)
    /// The second moves; the first starts where it was.
    case takeAddress(Int, of: Int)
    /// A copy of a process, elsewhere, with the same name and incarnation.
    case double(Int)

    init(of count: Int, _ random: inout SeededGenerator) {
        let one = random.draw(below: count)
        let other = (one + 1 + random.draw(below: max(1, count - 1))) % count
        var half: [Int] = []
        var rest: [Int] = []
        for index in 0..<count {
            if random.draw(below: 2) == 0 { half.append(index) } else { rest.append(index) }
        }
        let time = 500_000 + Int64(random.draw(below: 12_000_000))
        switch random.draw(below: 16) {
        case 0: self = .crash(one)
        case 1, 2: self = .restart(one, isMoved: random.draw(below: 2) == 0)
        case 3: self = .startIfDown(one)
        case 4, 5: self = .cut(from: half, to: rest, time: time)
        case 6, 7: self = .cutBothWays(half, rest, time: time)
        case 8: self = .badLink(one, isInward: random.draw(below: 2) == 0, time: time)
        case 9, 10: self = .pause(one, time: time)
        case 11: self = .loss(percent: random.draw(below: 40))
        case 12: self = .leave(one)
        case 13: self = .metadata(one, version: random.draw(below: 9))
        case 14: self = .takeAddress(one, of: other)
        default: self = .double(one)
        }
    }
}

extension FlockDisaster {
    package static let kinds: Set<String> = [
        "crash", "restart", "startIfDown", "cut", "cutBothWays", "badLink", "pause", "loss", "leave", "metadata",
        "takeAddress", "double",
    ]

    package var kind: String {
        String("\(self)".prefix { $0 != "(" })
    }
}
