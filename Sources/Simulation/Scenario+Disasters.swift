import Telemetry

extension Scenario {
    typealias Make = (inout SeededGenerator) -> Action

    /// A kind of disaster: how likely a seed has it, and what makes it. `answer` goes with it: what ends it.
    struct Disaster {
        let chance: Int
        let make: Make
        var answer: Make?
    }

    static func disasters(devicesCount: Int) -> [Disaster] {
        // Also those that join later, as copies; a number beyond them means one of them all the same.
        func node(_ random: inout SeededGenerator) -> Int { random.draw(below: World.nodesMax) }
        func wait(_ random: inout SeededGenerator, _ most: Int) -> Int { 50 + random.draw(below: most) }
        let start: Make = { .start(node: node(&$0), .own) }
        return [
            Disaster(chance: 50, make: { .crash(node: node(&$0), isPowerLost: false) }, answer: start),
            Disaster(chance: 35, make: { .crash(node: node(&$0), isPowerLost: true) }, answer: start),
            Disaster(chance: 20, make: { .stop(node: node(&$0)) }, answer: start),
            Disaster(
                chance: 15, make: { .crash(node: node(&$0), isPowerLost: false) },
                answer: { .start(node: node(&$0), .empty) }),
            Disaster(
                chance: 8, make: { .crash(node: node(&$0), isPowerLost: true) },
                answer: { .start(node: node(&$0), .emptyAfterLoss) }),
            Disaster(
                chance: 15, make: { .crash(node: node(&$0), isPowerLost: false) },
                answer: { .start(node: node(&$0), .swapped(with: node(&$0))) }),
            Disaster(chance: 30, make: { .pause(node: node(&$0), milliseconds: wait(&$0, 15_000)) }),
            Disaster(chance: 30, make: { .isolate(node: node(&$0), milliseconds: wait(&$0, 10_000)) }),
            Disaster(
                chance: 25, make: { .split(side: $0.draw(below: 1 << World.nodesMax), milliseconds: wait(&$0, 12_000)) }
            ),
            Disaster(chance: 20, make: { .restart(node: node(&$0)) }),
            Disaster(chance: 30, make: { _ in .join }),
            Disaster(chance: 20, make: { .freezeRing(node: node(&$0), milliseconds: wait(&$0, 8_000)) }),
            Disaster(chance: 40, make: { .storeAway(milliseconds: wait(&$0, 8_000)) }),
            Disaster(chance: 25, make: { .storeSlow(milliseconds: wait(&$0, 8_000)) }),
            Disaster(chance: 15, make: { _ in .restore }, answer: { _ in .backUp }),
            Disaster(chance: 35, make: { .badNetwork(milliseconds: wait(&$0, 8_000)) }),
            Disaster(chance: 40, make: { .badCommits(milliseconds: wait(&$0, 8_000)) }),
            Disaster(chance: 20, make: { .diskFull(node: node(&$0), milliseconds: wait(&$0, 6_000)) }),
            Disaster(chance: 10, make: { .diskFails(node: node(&$0)) }, answer: start),
            Disaster(chance: 15, make: { .flipBit(node: node(&$0)) }),
            Disaster(chance: 15, make: { .swallow(node: node(&$0), milliseconds: wait(&$0, 9_000)) }),
            Disaster(chance: 12, make: { .startCopy(of: node(&$0)) }),
            Disaster(chance: 25, make: { .delete(device: $0.draw(below: devicesCount)) }),
            Disaster(chance: 12, make: { .loseRing(node: node(&$0), milliseconds: wait(&$0, 8_000)) }),
        ]
    }
}
