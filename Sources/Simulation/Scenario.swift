import DataPlane
package import Telemetry

/// One seed's world before it begins: how large, how bad, and what happens when.
///
/// Every seed draws which kinds of disaster it has at all (swarm testing, Groce 2012): runs that mix everything hide
/// what only shows when one thing goes wrong often.
package struct Scenario: Sendable {
    package let seed: UInt64
    let nodesCount: Int
    let devicesCount: Int
    let limits: IngestLimits
    let segmentBytes: Int
    let logBytes: Int
    let clockSkewMax: Int
    /// Nodes come and go one after the other and nothing else happens: the flock must judge as one owner would.
    let isOrderly: Bool
    /// What the network and the store do all the time, in thousandths.
    let callLossPerMille: Int
    let commitLossPerMille: Int
    /// The schedule, in order of time.
    package let steps: [Step]

    package struct Step: Sendable, CustomStringConvertible {
        package let at: Moment
        package let action: Action

        package var description: String { "\(Trace.seconds(at)) \(action)" }
    }

    package enum Action: Hashable, Sendable {
        case send(node: Int, readings: Int, kind: SendKind)
        case sendAgain(node: Int)
        case crash(node: Int, isPowerLost: Bool)
        case stop(node: Int)
        case start(node: Int, FolderChoice)
        case pause(node: Int, milliseconds: Int)
        case isolate(node: Int, milliseconds: Int)
        /// The nodes whose bit is set, and the others.
        case split(side: Int, milliseconds: Int)
        /// It dies and is back before anybody notices.
        case restart(node: Int)
        case join
        /// Its ring stays as it is.
        case freezeRing(node: Int, milliseconds: Int)
        case storeAway(milliseconds: Int)
        case storeSlow(milliseconds: Int)
        case backUp
        case restore
        case badNetwork(milliseconds: Int)
        case badCommits(milliseconds: Int)
        case diskFull(node: Int, milliseconds: Int)
        case diskFails(node: Int)
        case flipBit(node: Int)
        /// As an owner it answers nothing, though the ring keeps it.
        case swallow(node: Int, milliseconds: Int)
        case startCopy(of: Int)
        case delete(device: Int)
        /// The node sees a ring without members for a while.
        case loseRing(node: Int, milliseconds: Int)
    }

    package enum SendKind: String, Hashable, Sendable, CustomStringConvertible {
        case rising, late, sameTime

        package var description: String { rawValue }
    }

    package enum FolderChoice: Hashable, Sendable, CustomStringConvertible {
        case own
        /// A new disk; the old folder is put aside, and is drained at the end.
        case empty
        /// A new disk; the old one is gone for good.
        case emptyAfterLoss
        /// It takes the folder of another node that is down, and that one takes this.
        case swapped(with: Int)

        package var description: String {
            switch self {
            case .own: "own"
            case .empty: "empty"
            case .emptyAfterLoss: "empty, the old one is gone"
            case .swapped(let other): "swapped with \(other)"
            }
        }
    }

    /// Virtual time in which the steps happen; after it everything heals.
    static let stepsEnd: Int64 = 40_000_000
    static let nodesMax = 4
    static let sendReadingsMax = 60

    package init(seed: UInt64) {
        var random = SeededGenerator(seed: SeededGenerator.mixed(seed &* 2 &+ 1))
        self.seed = seed
        nodesCount = 1 + random.draw(below: Self.nodesMax)
        devicesCount = 2 + random.draw(below: 8)
        limits = Self.limits(&random)
        segmentBytes = 1_000 + random.draw(below: 4_000)
        logBytes = random.draw(below: 3) == 0 ? 6_000 + random.draw(below: 10_000) : 1_000_000
        clockSkewMax = random.draw(below: 2) * 300_000
        isOrderly = random.draw(below: 6) == 0
        callLossPerMille = random.draw(below: 3) == 0 && !isOrderly ? random.draw(below: 200) : 0
        commitLossPerMille = random.draw(below: 3) == 0 && !isOrderly ? random.draw(below: 300) : 0
        let shape = (nodesCount, devicesCount)
        steps =
            isOrderly ? Self.orderlySchedule(shape, &random) : Self.schedule(shape, &random)
    }

    /// Small enough that every bound is met within a run.
    private static func limits(_ random: inout SeededGenerator) -> IngestLimits {
        func pick(_ choices: Int...) -> Int { choices[random.draw(below: choices.count)] }
        var limits = IngestLimits()
        limits.recordReadingsMax = pick(3, 8, 32)
        limits.appendReadingsMax = pick(8, 40, 200)
        limits.waitingReadingsMax = pick(Self.sendReadingsMax, 100, 1_000)
        limits.scoringReadingsMax = pick(10, 60, 400)
        limits.callReadingsMax = pick(4, 20, 200)
        limits.storingReadingsMax = pick(5, 40, 400)
        limits.commitReadingsMax = pick(6, 30, 300)
        limits.callDeadline = Int64(pick(1_000_000, 4_000_000))
        limits.rowLook = 4_000_000
        limits.storeRetryLast = 1_000_000
        return limits
    }

    typealias Shape = (nodesCount: Int, devicesCount: Int)

    private static func schedule(_ shape: Shape, _ random: inout SeededGenerator) -> [Step] {
        var weights = sends(nodesCount: shape.nodesCount)
        for group in disasters(devicesCount: shape.devicesCount) where random.draw(below: 100) < group.chance {
            weights.append((1 + random.draw(below: 5), group.make))
            if let other = group.answer { weights.append((4, other)) }
        }
        return draw(20 + random.draw(below: 140), of: weights, &random)
    }

    /// Readings all the time; and every few seconds, when the flock has come to rest, a node comes or goes.
    private static func orderlySchedule(_ shape: Shape, _ random: inout SeededGenerator) -> [Step] {
        var steps = draw(60 + random.draw(below: 140), of: sends(nodesCount: shape.nodesCount), &random)
        var time: Int64 = 4_000_000
        while time < stepsEnd - 7_000_000 {
            let node = random.draw(below: World.nodesMax)
            let action: Action =
                switch random.draw(below: 3) {
                case 0: .join
                case 1: .stop(node: node)
                default: .start(node: node, .own)
                }
            steps.append(Step(at: Moment(microseconds: time), action: action))
            time += 7_000_000 + Int64(random.draw(below: 2_000_000))
        }
        return steps.sorted { $0.at < $1.at }
    }

    private typealias Choice = (weight: Int, make: (inout SeededGenerator) -> Action)

    private static func sends(nodesCount: Int) -> [Choice] {
        [
            (30, { .send(node: $0.draw(below: nodesCount), readings: 1 + $0.draw(below: 12), kind: .rising) }),
            (
                4,
                {
                    .send(
                        node: $0.draw(below: nodesCount), readings: 1 + $0.draw(below: sendReadingsMax), kind: .rising)
                }
            ),
            (3, { .send(node: $0.draw(below: nodesCount), readings: 1 + $0.draw(below: 6), kind: .late) }),
            (2, { .send(node: $0.draw(below: nodesCount), readings: 1 + $0.draw(below: 4), kind: .sameTime) }),
            (4, { .sendAgain(node: $0.draw(below: nodesCount)) }),
        ]
    }

    private static func draw(
        _ count: Int, of weights: [Choice], _ random: inout SeededGenerator
    ) -> [Step] {
        let total = weights.reduce(0) { $0 + $1.weight }
        var times = (0..<count).map { _ in Int64(random.draw(below: Int(stepsEnd))) }
        times.sort()
        return times.map { time in
            var ticket = random.draw(below: total)
            let chosen = weights.first { choice in
                ticket -= choice.weight
                return ticket < 0
            }
            return Step(at: Moment(microseconds: time), action: (chosen ?? weights[0]).make(&random))
        }
    }
}
