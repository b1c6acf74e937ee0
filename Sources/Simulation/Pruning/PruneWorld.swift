import Ports
import Pruning
import Telemetry

/// A fleet of devices, the nodes that hear it and one store, through outages of each, with the pruner at work in it.
///
/// Every call of the pruner takes time, in which devices go on sending, nodes fall, and another leader may be elected: what
/// comes back to it may be old news. The world knows the truth, and writes down what no pruner may do.
package actor PruneWorld {
    struct Device {
        let id: DeviceID
        /// Microseconds between two attempts.
        let interval: Int64
        /// It sends to this node alone; others find one that is up.
        let home: Int?
        /// It falls silent for good, or for a while, at its own will.
        var pause: Range<Int64>
        var nextTry: Int64
        var lastTry: Int64
        /// When its newest stored reading was accepted.
        var lastStored = Int64.min
    }

    struct Accepted {
        let device: Int
        let at: Int64
    }

    struct Node {
        var life: UInt64 = 1
        var downUntil: Int64 = 0
        /// It accepts, and judges nothing until then.
        var stalledUntil: Int64 = 0
        /// In its log, not judged yet.
        var accepted: [Accepted] = []
        /// Not told to the store yet.
        var heard: Set<Int> = []
    }

    package let scenario: PruneScenario
    package internal(set) var problems: [String] = []
    package private(set) var deletedCount = 0
    package private(set) var refusedCount = 0
    package internal(set) var hiddenCount = 0
    var store: VirtualPruneStore
    let fault: PlantedPruneFault?
    private var random: SeededGenerator
    private(set) var now = PruneScenario.start
    var devices: [Device]
    private(set) var nodes: [Node]
    private var isCalm = false

    static let step: Int64 = 500_000
    /// An accepted reading is on its way to its owner and to the store for so long.
    static let judgedAfter: Int64 = 500_000
    static let flushPeriod: Int64 = 6_000_000
    /// A node that is away for longer is known to be dead.
    static let detection: Int64 = 3_000_000

    package init(seed: UInt64, fault: PlantedPruneFault? = nil) {
        var random = SeededGenerator(seed: seed)
        let scenario = PruneScenario(using: &random)
        self.scenario = scenario
        self.fault = fault
        devices = scenario.devices
        nodes = Array(repeating: Node(), count: scenario.nodesCount)
        store = VirtualPruneStore(now: Instant(microseconds: PruneScenario.start))
        if let fault { store.faults = [fault] }
        self.random = random
    }

    /// Leaders one after the other, some of them still at work when the next is elected, to the scenario's end; then
    /// quietly until all who are gone must have been deleted.
    package func run() async {
        while now < scenario.end, problems.isEmpty { await lead(until: scenario.end) }
        isCalm = true
        let stretch = 4 * ((scenario.rules.deleteAfter ?? 0) + scenario.rules.period)
        let quiet = now + 4 * stretch
        while now < quiet, problems.isEmpty {
            await lead(until: now + stretch)
            // Whoever looks at it now knows that the rest is gone.
            _ = store.approve()
        }
        checkGhosts()
    }

    private func lead(until end: Int64) async {
        let token = store.elect("leader")
        let term = isCalm ? end : min(end, now + Int64(random.draw(below: 40)) * scenario.rules.period)
        var pruner = Pruner(scenario.rules, self, self, token) { true }
        while now < term, problems.isEmpty {
            do throws(StoreError) {
                switch try await pruner.run() {
                case .early(let wait): advance(by: wait)
                case .waited, .done, .stopped: advance(by: Self.step)
                }
            } catch {
                if case .fenced = error.code {
                    refusedCount += 1
                    return
                }
                advance(by: 1_000_000)
            }
        }
    }

    // MARK: Time

    /// The pruner's call is on its way.
    func pass() throws(StoreError) {
        advance(by: isCalm || random.draw(below: 10) > 0 ? 1_000 : Int64(random.draw(below: 4_000_000)))
        if !isCalm, random.draw(below: 200) == 0 { _ = store.elect("another") }
        guard !scenario.storeOutages.contains(where: { $0.contains(now) }) || isCalm else {
            throw StoreError(.unavailable, "away")
        }
    }

    private func advance(by microseconds: Int64) {
        let end = now + max(1, microseconds)
        while now < end {
            let next = min(end, (now / Self.step + 1) * Self.step)
            let isStep = next % Self.step == 0
            now = next
            store.now = Instant(microseconds: now)
            if isStep { live() }
        }
    }

    private func live() {
        if !isCalm { break_() }
        for index in devices.indices where devices[index].nextTry <= now { send(index) }
        let isStoreUp = isCalm || !scenario.storeOutages.contains { $0.contains(now) }
        for index in nodes.indices where nodes[index].downUntil <= now {
            if nodes[index].stalledUntil <= now, isStoreUp { judge(index) }
            if isStoreUp, now % Self.flushPeriod == 0 { flush(index) }
        }
    }

    private func break_() {
        for outage in scenario.nodeOutages where outage.at == now {
            nodes[outage.node].life += 1
            nodes[outage.node].downUntil = now + outage.length
            // What was not told yet is lost; the log is read again.
            nodes[outage.node].heard = []
        }
        for stall in scenario.stalls where stall.at == now { nodes[stall.node].stalledUntil = now + stall.length }
    }

    private func send(_ index: Int) {
        defer { devices[index].nextTry = now + devices[index].interval }
        guard !devices[index].pause.contains(now) else { return }
        devices[index].lastTry = now
        let isCut = !isCalm && scenario.cuts.contains { $0.contains(now) } && index % 10 < PruneScenario.cutTenths
        let up = nodes.indices.filter { nodes[$0].downUntil <= now }
        let node = devices[index].home.map { up.contains($0) ? $0 : nil } ?? up.randomElement(using: &random)
        guard !isCut, let node else { return }
        nodes[node].accepted.append(Accepted(device: index, at: now))
    }

    private func judge(_ node: Int) {
        let ready = nodes[node].accepted.prefix { $0.at <= now - Self.judgedAfter }
        nodes[node].accepted.removeFirst(ready.count)
        for accepted in ready {
            let id = devices[accepted.device].id
            if let tombstone = store.tombstones[id], accepted.at <= tombstone.microseconds {
                problems.append("a reading of \(id) was accepted at \(accepted.at) and is thrown away: \(tombstone)")
            } else {
                store.store(id)
                devices[accepted.device].lastStored = accepted.at
                nodes[node].heard.insert(accepted.device)
            }
        }
    }

    func flush(_ node: Int) {
        for device in nodes[node].heard where store.devices[devices[device].id] != nil {
            store.hear(devices[device].id, every: devices[device].interval)
        }
        nodes[node].heard = []
    }

    // MARK: Truth

    /// A device may be deleted if it was silent by its own will for as long, but for what nobody could know: that it spoke
    /// up just now, and that what was watched just before a line was cut was no silence.
    func checkDeleted(_ tombstones: [Tombstone]) {
        deletedCount += tombstones.count
        let (rules, limit) = (scenario.rules, scenario.rules.deleteAfter ?? .max)
        // A fleet that reports once a minute is not missed before.
        let unseenCut = max(rules.crowdAfter, CensusQuery.silentIntervals * (devices.map(\.interval).max() ?? 0))
        for tombstone in tombstones {
            guard let device = devices.first(where: { $0.id == tombstone.device }) else { continue }
            let end = min(now, device.pause.upperBound)
            let isOver = now - end > unseenCut + 2 * rules.period + 4 * Self.judgedAfter
            // From the last time before it.
            let silence = isOver ? 0 : end - device.pause.lowerBound + device.interval
            if device.lastStored > now - (limit - 2 * rules.period) {
                problems.append("a reading of \(device.id) was deleted that was accepted at \(device.lastStored)")
            } else if silence < limit - 2 * rules.period - (unseenCut > rules.patience ? unseenCut : 0) {
                problems.append("\(device.id) was deleted after \(silence) µs of its own silence")
            }
        }
    }

    private func checkGhosts() {
        for device in devices where device.pause.contains(now) && store.devices[device.id] != nil {
            let silence = now - device.lastTry
            if silence > scenario.rules.deleteAfter ?? .max { problems.append("\(device.id) is still there") }
        }
        for device in devices where !device.pause.contains(now) && store.devices[device.id] == nil {
            problems.append("\(device.id) sends and is not there")
        }
        for pair in zip(store.runs, store.runs.dropFirst())
        where pair.1.microseconds(since: pair.0) < scenario.rules.period {
            problems.append("two runs within a period, at \(pair.0)")
        }
    }
}
