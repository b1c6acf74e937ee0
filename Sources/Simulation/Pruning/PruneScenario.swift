package import Pruning
import Telemetry

/// What happens in a `PruneWorld`, drawn from its seed. Times are in microseconds, on steps of the world.
package struct PruneScenario: Sendable {
    package struct Disaster: Sendable {
        let node: Int
        let at: Int64
        let length: Int64
    }

    package let rules: PruneRules
    let nodesCount: Int
    let devices: [PruneWorld.Device]
    let storeOutages: [Range<Int64>]
    let cuts: [Range<Int64>]
    let nodeOutages: [Disaster]
    let stalls: [Disaster]
    let end: Int64

    static let start: Int64 = 1_800_000_000_000_000
    /// Of ten devices, those that a cut of the network takes away: more than half.
    static let cutTenths = 7
    static let length: Int64 = 1_200_000_000

    init(using random: inout SeededGenerator) {
        func seconds(_ range: ClosedRange<Int>) -> Int64 {
            Int64(range.lowerBound + random.draw(below: range.count)) * 1_000_000
        }
        func windows(_ count: Int, _ lengths: ClosedRange<Int>) -> [Range<Int64>] {
            (0..<count).map { _ in
                let at = Self.start + seconds(60...1_100)
                return at..<(at + seconds(lengths))
            }
        }
        // A fleet that is hidden between any two of its reports.
        let isSlow = random.draw(below: 3) == 0
        let intervals: ClosedRange<Int> = isSlow ? 20...60 : 1...8
        let period = seconds(2...10)
        let inactiveAfter = seconds(15...30)
        rules = PruneRules(
            period: period, inactiveAfter: inactiveAfter,
            deleteAfter: isSlow ? seconds(300...400) : inactiveAfter + seconds(0...60), retention: nil)
        let nodesCount = 1 + random.draw(below: 5)
        self.nodesCount = nodesCount
        end = Self.start + Self.length
        storeOutages = windows(random.draw(below: 4), 1...300)
        cuts = windows(random.draw(below: 3), 20...400)
        func disasters(_ count: Int, _ lengths: ClosedRange<Int>) -> [Disaster] {
            (0..<count).map { _ in
                Disaster(
                    node: random.draw(below: nodesCount), at: Self.start + seconds(30...1_100), length: seconds(lengths)
                )
            }
        }
        nodeOutages = disasters(random.draw(below: 8), 1...200)
        stalls = disasters(random.draw(below: 4), 1...150)
        let deletedAfter = (rules.deleteAfter ?? 0) + 2 * period
        devices = (0..<(10 + random.draw(below: 40))).map { index in
            let isPinned = random.draw(below: 4) == 0
            let pause = Self.start + seconds(100...900)
            // For good, for a while, or until about the moment at which it is deleted.
            let pauses = [
                Int64.max..<Int64.max, pause..<Int64.max, pause..<(pause + seconds(20...400)),
                pause..<(pause + deletedAfter + seconds(0...20) - 5_000_000 + 500_000 * seconds(0...1) / 1_000_000),
            ]
            let kind = random.draw(below: 12)
            return PruneWorld.Device(
                id: DeviceID(unchecked: "d\(index)"), interval: seconds(intervals),
                home: isPinned ? random.draw(below: nodesCount) : nil, pause: pauses[kind < 4 ? kind : 0],
                nextTry: Self.start + seconds(intervals), lastTry: Self.start)
        }
    }
}
