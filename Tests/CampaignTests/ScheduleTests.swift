import Campaign
import Telemetry
import Testing

@Suite struct ScheduleTests {
    /// Nodes and seconds of the schedules that are looked at.
    static let sizes = [(3, 45), (5, 45), (5, 180), (7, 600)]
    static let seeds: ClosedRange<UInt64> = 1...200

    private func schedules(_ nodes: Int, _ seconds: Int) -> [CampaignSchedule] {
        Self.seeds.map { CampaignSchedule(seed: $0, nodesCount: nodes, milliseconds: seconds * 1_000) }
    }

    @Test func theSameSeedHasTheSameSchedule() {
        for (nodes, seconds) in Self.sizes {
            #expect(schedules(nodes, seconds) == schedules(nodes, seconds))
            #expect(Set(schedules(nodes, seconds).map(\.faults)).count == Self.seeds.count, "and others have others")
        }
    }

    @Test(arguments: sizes) func faultsBeginAndEndBetweenTheQuietTimes(_ nodes: Int, _ seconds: Int) {
        for schedule in schedules(nodes, seconds) {
            #expect(!schedule.faults.isEmpty)
            for planned in schedule.faults {
                #expect(planned.start >= CampaignSchedule.quietBefore, "seed \(schedule.seed): \(planned)")
                #expect(planned.end <= schedule.milliseconds - CampaignSchedule.quietAfter, "\(planned)")
                #expect(planned.start < planned.end)
            }
            let acts = schedule.acts
            #expect(acts.map(\.time) == acts.map(\.time).sorted())
            #expect(acts.allSatisfy { $0.time <= schedule.milliseconds - CampaignSchedule.quietAfter })
        }
    }

    @Test func everyKindOfFaultComesUpWithinAFewSeeds() {
        for (first, kinds) in stride(from: 0, to: 200, by: 10).map({ first in
            (first, Set(schedules(5, 180)[first..<first + 10].flatMap { $0.faults.map(\.fault.kind) }))
        }) {
            #expect(kinds == Set(Fault.Kind.allCases), "seeds from \(first + 1) on")
        }
        let short = Set(schedules(3, 45).flatMap { $0.faults.map(\.fault.kind) })
        #expect(short.isSuperset(of: Fault.Kind.allCases.filter { $0 != .leave }), "three do not let one go")
    }

    /// The world as the acts make it.
    private struct World {
        var running: Set<Int>
        var frozen: Set<Int> = []
        var full: Set<Int> = []
        var cut: [Way: Int] = [:]
        var lossy: [Int: Int] = [:]
        var ahead: [Int: Int] = [:]
        var hasDatabase = true
        var hasRedis = true

        /// Nodes that take readings.
        var serving: Set<Int> { running.subtracting(frozen).subtracting(full) }
        var isWhole: Bool {
            frozen.isEmpty && full.isEmpty && cut.isEmpty && lossy.isEmpty && hasDatabase && hasRedis
                && ahead.values.allSatisfy { $0 == 0 }
        }

        /// - Returns: what is wrong with it.
        mutating func perform(_ act: Act) -> String? {
            switch act {
            case .kill(let node), .stop(let node), .leave(let node):
                guard running.remove(node) != nil, !frozen.contains(node), !full.contains(node) else { return "down" }
            case .start(let node), .join(let node): guard running.insert(node).inserted else { return "up" }
            case .freeze(let node):
                guard running.contains(node), frozen.insert(node).inserted else { return "not to freeze" }
            case .thaw(let node): guard frozen.remove(node) != nil else { return "not frozen" }
            case .fillDisk(let node):
                guard running.contains(node), full.insert(node).inserted else { return "not to fill" }
            case .freeDisk(let node): guard full.remove(node) != nil else { return "not full" }
            case .cut(let ways): for way in ways { cut[way, default: 0] += 1 }
            case .mend(let ways):
                for way in ways {
                    guard let count = cut[way] else { return "not cut" }
                    cut[way] = count == 1 ? nil : count - 1
                }
            case .lose(let node, let percent):
                guard lossy.updateValue(percent, forKey: node) == nil else { return "twice" }
            case .loseNoMore(let node, let percent):
                guard lossy.removeValue(forKey: node) == percent else { return "lost another share" }
            case .killDatabase: if !hasDatabase { return "down" } else { hasDatabase = false }
            case .startDatabase: if hasDatabase { return "up" } else { hasDatabase = true }
            case .killRedis: if !hasRedis { return "down" } else { hasRedis = false }
            case .startRedis: if hasRedis { return "up" } else { hasRedis = true }
            case .setClock(let node, let seconds): ahead[node] = seconds
            }
            return nil
        }
    }

    /// Whatever is played, a majority takes readings, nothing is done to what is not there, and in the end all is well.
    @Test(arguments: sizes) func thePromiseStaysPossible(_ nodes: Int, _ seconds: Int) {
        for schedule in schedules(nodes, seconds) {
            var world = World(running: Set(0..<nodes))
            var members = Set(0..<nodes)
            for timed in schedule.acts {
                let wrong = world.perform(timed.act)
                #expect(wrong == nil, "seed \(schedule.seed) at \(timed.time): \(timed.act): \(wrong ?? "")")
                if case .join(let node) = timed.act { members.insert(node) }
                if case .leave(let node) = timed.act { members.remove(node) }
                #expect(
                    2 * world.serving.count > members.count,
                    "seed \(schedule.seed) at \(timed.time): \(world.serving.sorted()) of \(members.sorted())")
                #expect(world.frozen.count <= 1)
            }
            #expect(world.isWhole, "seed \(schedule.seed)")
            #expect(world.running.sorted() == schedule.lastMembers, "seed \(schedule.seed)")
        }
    }

    /// A device waits for one answer that does not come, never for two in a row.
    @Test(arguments: sizes) func noDeviceWaitsForLong(_ nodes: Int, _ seconds: Int) {
        for schedule in schedules(nodes, seconds) {
            let waits = schedule.faults.filter(\.letsDevicesWait)
            for (one, next) in zip(waits, waits.dropFirst()) {
                #expect(next.start - one.end >= CampaignSchedule.answerMilliseconds, "seed \(schedule.seed): \(next)")
            }
        }
    }

    @Test func aScheduleIsTold() {
        let text = CampaignSchedule(seed: 2, nodesCount: 5, milliseconds: 45_000).description
        #expect(text.hasPrefix("seed 2, 5 nodes, 45 s, "))
        #expect(text.split(separator: "\n").dropFirst().allSatisfy { $0.contains(" s  ") })
    }
}
