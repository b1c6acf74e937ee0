import Foundation
import GossipTransport
import Membership
import Telemetry

/// The rows that a flock with real sockets gives.
enum RealRow: String, CaseIterable {
    case join, metadata, leave, kill, quarter, partition20, partition60, partition600, loss, frozen, steady

    /// These take minutes a run.
    static let usual: [RealRow] = [.join, .metadata, .leave, .kill, .quarter, .partition20, .frozen, .steady]
}

struct RealRows {
    let count: Int
    let runs: Int
    private var random = SeededGenerator(seed: 1)

    /// Beyond it a run is given up, and counts with this.
    static let limit = 60.0

    init(count: Int, runs: Int) {
        self.count = count
        self.runs = runs
    }

    mutating func measure(_ row: RealRow) async throws -> [ClusterFigure] {
        switch row {
        case .join: [try await join()]
        case .metadata: [try await metadata()]
        case .leave: [try await leave()]
        case .kill: [try await kill("kill", 1, limit: (3.5, 5))]
        case .quarter: [try await kill("quarter", max(1, count / 4), limit: (6, 8))]
        case .partition20: [try await partition("partition20", .seconds(20))]
        case .partition60: [try await partition("partition60", .seconds(60))]
        case .partition600: [try await partition("partition600", .seconds(600))]
        case .loss: [try await loss()]
        case .frozen: [try await frozen()]
        case .steady: try await steady()
        }
    }

    private func flock() async throws -> RealFlock {
        let flock = try RealFlock(count)
        try await flock.start(flock.names)
        try await flock.rest()
        return flock
    }

    /// `count` names, never that of the first, the seed of those that come back.
    private mutating func draw(_ count: Int, of names: [String]) -> [String] {
        var rest = names.dropFirst().map { $0 }
        var drawn: [String] = []
        while drawn.count < count, !rest.isEmpty { drawn.append(rest.remove(at: random.draw(below: rest.count))) }
        return drawn
    }

    private func value(_ seconds: Double?, _ what: String, _ flock: RealFlock) -> Double {
        if seconds == nil { Report.note("\(what): given up after \(Self.limit) s: \(flock.state())") }
        return seconds ?? Self.limit
    }

    private func end(_ row: String, _ flock: RealFlock) async {
        Report.note("\(row): \(flock.remarks())")
        await flock.stop()
    }

    // MARK: Coming and going

    private func join() async throws -> ClusterFigure {
        var values: [Double] = []
        for run in 1...runs {
            let flock = try RealFlock(count)
            let start = ContinuousClock.now
            try await flock.start(flock.names)
            let all = count
            let seconds = await flock.seconds(since: start, limit: Self.limit) { nodes in
                nodes.allSatisfy { $0.look { $0.presentCount == all } }
            }
            values.append(value(seconds, "join \(run)", flock))
            await flock.stop()
        }
        let limit = count <= 64 ? (0.8, 2.0) : (1.5, 3.0)
        return ClusterFigure("join", n: count, unit: "s", limit: limit, values)
    }

    private mutating func metadata() async throws -> ClusterFigure {
        let flock = try await flock()
        var values: [Double] = []
        for run in 1...runs {
            guard let name = draw(1, of: flock.names).first, let node = flock.node(name) else { continue }
            let load = UInt16(run)
            let start = ContinuousClock.now
            await node.change(load: load)
            let seconds = await flock.seconds(since: start, limit: Self.limit) { nodes in
                nodes.allSatisfy { $0.name == name || $0.look { $0.rows[name]?.metadata.load == load } }
            }
            values.append(value(seconds, "metadata \(run)", flock))
            try await flock.rest(.seconds(1))
        }
        await end("metadata", flock)
        return ClusterFigure("metadata", n: count, unit: "s", limit: (0.4, 1), values)
    }

    private mutating func leave() async throws -> ClusterFigure {
        let flock = try await flock()
        var values: [Double] = []
        for run in 1...runs {
            guard let name = draw(1, of: flock.names).first, let node = flock.node(name) else { continue }
            let start = ContinuousClock.now
            await node.leave()
            let seconds = await flock.seconds(since: start, limit: Self.limit) { nodes in
                nodes.allSatisfy { $0.name == name || $0.look { $0.rows[name]?.status == .left } }
            }
            values.append(value(seconds, "leave \(run)", flock))
            _ = await flock.seconds(since: start, limit: Self.limit) { _ in node.look(\.hasLeft) }
            await flock.kill([name])
            try await flock.start([name])
            try await flock.rest(.seconds(1))
        }
        await end("leave", flock)
        return ClusterFigure("leave", n: count, unit: "s", limit: (0.3, 0.6), values)
    }

    private mutating func kill(
        _ row: String, _ killed: Int, limit: (median: Double, worst: Double)
    ) async throws -> ClusterFigure {
        let flock = try await flock()
        var values: [Double] = []
        for run in 1...runs {
            let victims = draw(killed, of: flock.names)
            // Not always at the same place of everybody's rounds.
            try? await Task.sleep(for: .milliseconds(random.draw(below: 800)))
            let start = ContinuousClock.now
            await flock.kill(victims)
            let seconds = await flock.seconds(since: start, limit: Self.limit) { nodes in
                nodes.allSatisfy { $0.look { view in victims.allSatisfy { view.rows[$0]?.status == .dead } } }
            }
            values.append(value(seconds, "\(row) \(run)", flock))
            try await flock.start(victims)
            try await flock.rest(.seconds(3))
        }
        await end(row, flock)
        return ClusterFigure(row, n: count, unit: "s", limit: limit, values)
    }

    // MARK: Trouble

    private mutating func partition(_ row: String, _ time: Duration) async throws -> ClusterFigure {
        let flock = try await flock()
        var values: [Double] = []
        for run in 1...runs {
            let side = draw(count / 2, of: flock.names)
            flock.network.cut(off: Set(side.compactMap { flock.node($0)?.address }))
            try? await Task.sleep(for: time)
            flock.network.heal()
            let seconds = await flock.seconds(since: .now, limit: Self.limit, until: RealFlock.isWhole)
            values.append(value(seconds, "\(row) \(run)", flock))
            try await flock.rest(.seconds(3))
        }
        await end(row, flock)
        return ClusterFigure(row, n: count, unit: "s", limit: (5, 5), values)
    }

    /// Members that anybody took for dead, though all live.
    private func falseDeaths(_ flock: RealFlock, of healthy: Set<String>) -> Double {
        Double(Set(flock.nodes.flatMap { $0.look { $0.deaths.keys.filter(healthy.contains) } }).count)
    }

    private mutating func loss() async throws -> ClusterFigure {
        var values: [Double] = []
        for _ in 1...runs {
            let flock = try await flock()
            for node in flock.nodes { node.forgetDeaths() }
            flock.network.lose(0.3)
            try? await Task.sleep(for: .seconds(600))
            values.append(falseDeaths(flock, of: Set(flock.names)))
            await end("loss", flock)
        }
        return ClusterFigure("loss", n: count, unit: "false deaths in 10 min", limit: (0, 0), values)
    }

    private mutating func frozen() async throws -> ClusterFigure {
        let flock = try await flock()
        var values: [Double] = []
        for _ in 1...runs {
            for node in flock.nodes { node.forgetDeaths() }
            let frozen = draw(max(1, count / 4), of: flock.names)
            for name in frozen { await flock.node(name)?.freeze() }
            try? await Task.sleep(for: .seconds(8))
            for name in frozen { await flock.node(name)?.thaw() }
            try await flock.rest(.seconds(3))
            values.append(falseDeaths(flock, of: Set(flock.names).subtracting(frozen)))
        }
        await end("frozen", flock)
        return ClusterFigure("frozen", n: count, unit: "false deaths of healthy nodes", limit: (0, 0), values)
    }

    // MARK: At rest

    /// Ten seconds each, at most six of them: nothing happens.
    private func steady() async throws -> [ClusterFigure] {
        let flock = try await flock()
        try await flock.rest(.seconds(10))
        var packets: [Double] = []
        var bytes: [Double] = []
        var processor: [Double] = []
        func sent() -> (Int, Int) {
            let counts = flock.nodes.map(\.transport.counts)
            return (counts.map(\.datagramsSent).reduce(0, +), counts.map(\.bytesSent).reduce(0, +))
        }
        for _ in 0..<min(runs, 6) {
            let before = sent()
            let used = MonotonicClock.processorMilliseconds()
            let start = ContinuousClock.now
            try? await Task.sleep(for: .seconds(10))
            let share = Stopwatch.seconds(since: start) * Double(count)
            processor.append((MonotonicClock.processorMilliseconds() - used) / share)
            packets.append(Double(sent().0 - before.0) / share)
            bytes.append(Double(sent().1 - before.1) / share)
        }
        await end("steady", flock)
        return [
            ClusterFigure("packets", n: count, unit: "packets/s a node", limit: (2.5, 2.75), packets),
            ClusterFigure("bytes", n: count, unit: "B/s a node, sealed", limit: (250, 275), bytes),
            ClusterFigure("processor", n: count, unit: "ms/s a node", limit: (0.6, 1), processor),
        ]
    }
}
