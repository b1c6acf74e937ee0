import Membership
import Simulation
import Telemetry

/// The table, measured on a virtual network: its delays are those of one machine or a local network, its nodes tick at
/// times of their own. What comes out is the same everywhere.
struct SimulatedRows {
    let nodes: Int

    /// Longer than any row may take.
    private static let patience: Int64 = 120_000_000

    func all() -> [ClusterRow] {
        [join, metadata, leave, kill, quarter] + [20, 60, 600].map(partition) + [loss, frozen, packets, traffic]
    }

    private func settled(_ seed: UInt64) -> VirtualFlock {
        var flock = VirtualFlock(nodes, seed: seed)
        flock.startAll()
        flock.run(for: Self.patience) { $0.isSettled }
        // News wear off, and probes find their rhythm.
        flock.run(for: 5_000_000 + Int64(seed % 10) * 170_000)
        return flock
    }

    private static func seconds(_ time: Int64?) -> Double? { time.map { Double($0) / 1_000_000 } }

    private func row(
        _ name: String, unit: String = "s", _ limit: (median: Double, worst: Double)?,
        _ measure: @escaping @Sendable (_ seed: UInt64) -> Double?
    ) -> ClusterRow {
        ClusterRow(name: name, unit: unit, limit: limit, measure: measure)
    }

    private var join: ClusterRow {
        let limit: (median: Double, worst: Double)? = nodes <= 64 ? (0.8, 2) : nodes <= 128 ? (1.5, 3) : nil
        return row("simultaneous join through one seed", limit) { seed in
            var flock = VirtualFlock(nodes, seed: seed)
            for index in 0..<nodes { flock.join(index, seeds: [0]) }
            flock.startAll()
            return Self.seconds(flock.run(for: Self.patience) { $0.isAgreed })
        }
    }

    private var metadata: ClusterRow {
        row("metadata change seen by all", nodes <= 64 ? (0.4, 1) : nil) { seed in
            var flock = settled(seed)
            let index = Int(seed) % nodes
            flock.change(MemberMetadata(httpAddress: "10.0.0.1:8080", version: "0.4.0", load: 500), at: index)
            return Self.seconds(flock.run(for: Self.patience) { $0.isSeenByAll(index) })
        }
    }

    private var leave: ClusterRow {
        row("graceful leave seen by all", nodes <= 64 ? (0.3, 0.6) : nil) { seed in
            var flock = settled(seed)
            let index = Int(seed) % nodes
            flock.leave(index)
            return Self.seconds(flock.run(for: Self.patience) { $0.areGone([index]) })
        }
    }

    private var kill: ClusterRow {
        row("kill seen by all", (3.5, 5)) { seed in
            var flock = settled(seed)
            let index = Int(seed) % nodes
            flock.crash(index)
            return Self.seconds(flock.run(for: Self.patience) { $0.areGone([index]) })
        }
    }

    private var quarter: ClusterRow {
        row("a quarter killed at once", nodes <= 64 ? (6, 8) : nil) { seed in
            var flock = settled(seed)
            var random = SeededGenerator(seed: seed)
            var gone: Set<Int> = []
            while gone.count < nodes / 4 { gone.insert(random.draw(below: nodes)) }
            for index in gone.sorted() { flock.crash(index) }
            return Self.seconds(flock.run(for: Self.patience) { $0.areGone(gone) })
        }
    }

    private func partition(_ seconds: Int64) -> ClusterRow {
        row("partition of \(seconds) s heals", (5, 5)) { seed in
            var flock = settled(seed)
            flock.cutBothWays(0..<nodes / 2, nodes / 2..<nodes, for: seconds * 1_000_000)
            flock.run(for: seconds * 1_000_000)
            guard !flock.isAgreed || nodes < 2 else { return nil }
            return Self.seconds(flock.run(for: Self.patience) { $0.isAgreed })
        }
    }

    private var loss: ClusterRow {
        row("false deaths in 10 min of 30 % loss", unit: "deaths", (0, 0)) { seed in
            var flock = settled(seed)
            flock.weather.loss = 0.3
            return Double(deaths(in: &flock, for: 600))
        }
    }

    private var frozen: ClusterRow {
        row("false deaths while quarters stand still for 8 s", unit: "deaths", (0, 0)) { seed in
            var flock = settled(seed)
            var count = 0
            for turn in 0..<4 {
                let frozen = (0..<nodes / 4).map { ($0 * 4 + turn) % nodes }
                for index in frozen { flock.pause(index, for: 8_000_000) }
                count += deaths(in: &flock, for: 20, but: Set(frozen.map { flock.nodes[$0].name }))
            }
            return Double(count)
        }
    }

    /// Members that are well and were held for dead by anybody.
    private func deaths(in flock: inout VirtualFlock, for seconds: Int, but excused: Set<String> = []) -> Int {
        var dead: Set<String> = []
        for _ in 0..<4 * seconds {
            flock.run(for: 250_000)
            for index in flock.running { dead.formUnion(flock.dead(at: index)) }
        }
        return dead.subtracting(excused).count
    }

    private var packets: ClusterRow {
        row("steady packets a second and node", unit: "packets/s", (2.5, 2.5)) { seed in steady(seed).packets }
    }

    private var traffic: ClusterRow {
        row("steady traffic of a node, sealed", unit: "B/s", (250, 250)) { seed in steady(seed).bytes }
    }

    private func steady(_ seed: UInt64) -> (packets: Double, bytes: Double) {
        var flock = settled(seed)
        // A large flock talks of its beginning for longer: each node has as much news as there are nodes.
        flock.run(for: Int64(nodes) * 120_000)
        let seconds = 60
        let packets = flock.packetsCount
        let bytes = flock.bytesCount
        flock.run(for: Int64(seconds) * 1_000_000)
        let share = Double(nodes * seconds)
        return (Double(flock.packetsCount - packets) / share, Double(flock.bytesCount - bytes) / share)
    }
}
