import DataPlane
import HashRing
import LogFormat
import Ports
import Telemetry

/// A flock on a virtual clock: the node's own cores, with disks, a store, a network and clients whose every outcome is
/// drawn from the seed.
///
/// One run: the schedule's steps happen, each with what it leads to; then everything heals, every folder gets a process,
/// and the flock must come to rest with nothing lost. The checks stand outside of the code under test (`Truth`,
/// `OwnerReference`, `World+Checks`).
package struct World {
    let scenario: Scenario
    let faults: Set<PlantedFault>
    var random: SeededGenerator
    var now = Moment(microseconds: 0)
    var agenda = Agenda<Happening>()
    package internal(set) var trace: Trace
    var truth = Truth()
    package internal(set) var problems: [String] = []

    var nodes: [VirtualNode] = []
    var folders: [VirtualFolder] = []
    /// By folder: what was synced to it, and which positions have a verdict written.
    var synced: [Set<Int>] = []
    var judged: [Set<LogPosition>] = []
    var rings: [[String]: Ring] = [:]
    /// In an orderly world, what one owner would know that had every slot all the time.
    var unmoved: [Slot: OwnerReference] = [:]

    var store = VirtualStore()
    var backup = VirtualStore()
    /// Rises with every restore: what was under way before it is gone.
    var storeEpoch = 0

    // The weather.
    var storeAwayUntil = Moment(microseconds: .min)
    var storeSlowUntil = Moment(microseconds: .min)
    var badNetworkUntil = Moment(microseconds: .min)
    var badCommitsUntil = Moment(microseconds: .min)
    var splitUntil = Moment(microseconds: .min)
    var isHealed = false
    var hasRestored = false
    /// What they had not stored is an orphan for ever.
    var lostLogs: Set<LogID> = []
    var hasCopied = false
    var hasFlipped = false
    var hasLostPower = false
    /// Something happened after which positions may count as damaged.
    var mayHaveDamage = false

    var diskFullUntil: [Int: Moment] = [:]
    /// The log that a life writes, whatever calls say.
    var logOf: [WriterID: LogID] = [:]
    var unanswered: [(node: Int, batch: ReadingBatch)] = []
    var seriesTimes: [Series: Int64] = [:]

    /// Wall-clock time at the start of a run.
    static let wallStart: Int64 = 1_800_000_000_000_000
    /// What is given to a healed flock to come to rest.
    static let restMax: Int64 = 120_000_000
    /// A restored store is noticed after a look at the row.
    static let restMin: Int64 = 10_000_000
    static let problemsMax = 5

    /// - Parameters:
    ///   - stepsCount: only the first steps of the schedule happen; nil = all.
    ///   - isTraced: keeps the trace's lines.
    package init(
        _ scenario: Scenario, stepsCount: Int? = nil, faults: Set<PlantedFault> = [], isTraced: Bool = false
    ) {
        self.scenario = scenario
        self.faults = faults
        random = SeededGenerator(seed: SeededGenerator.mixed(scenario.seed ^ 0x5EED))
        trace = Trace(isRecorded: isTraced)
        for index in 0..<scenario.nodesCount {
            addNode(folder: addFolder(), name: "n\(index)")
            start(index, .own)
        }
        for index in scenario.steps.indices.prefix(stepsCount ?? .max) {
            agenda.add(.step(index), at: scenario.steps[index].at)
        }
    }

    /// Runs to the end, or to the first problem.
    package mutating func run() {
        let end = Moment(microseconds: Scenario.stepsEnd)
        let restFrom = end.advanced(byMicroseconds: Self.restMin)
        let last = end.advanced(byMicroseconds: Self.restMax)
        var nextLook = restFrom
        while problems.isEmpty, let (at, item) = agenda.next() {
            if !isHealed, at >= end {
                now = end
                heal()
            }
            now = at
            if !diskFullUntil.isEmpty { freeDisks() }
            happen(item)
            guard isHealed, at >= nextLook else { continue }
            if isAtRest { return checkAtRest() }
            if at >= end.advanced(byMicroseconds: Self.handOverMax), let strayed { problem(strayed) }
            nextLook = at.advanced(byMicroseconds: 500_000)
            if at >= last { return reportUnrest() }
        }
    }

    private mutating func happen(_ item: Happening) {
        switch item {
        case .step(let index): perform(scenario.steps[index].action)
        case .deliver(let address, let delivery): deliver(delivery, to: address)
        case .write(let address, let number, let records): write(records, number, of: address)
        case .sync(let address, let folder, let number, let records): sync(folder, records, number, of: address)
        case .disk(let address, let order): performOnDisk(order, of: address)
        case .ask(let address, let call, let epoch, let isSilent): answer(call, to: address, epoch, isSilent)
        case .look(let node): lookAtFlock(node)
        case .resume(let address): resume(address)
        case .start(let node): start(node, .own)
        case .exit(let address): if isAlive(address) { end(address.node, isPowerLost: false) }
        }
    }

    // MARK: Small things

    mutating func problem(_ text: String) {
        if problems.count < Self.problemsMax { problems.append("\(Trace.seconds(now)) \(text)") }
    }

    func isAlive(_ address: Address) -> Bool { nodes[address.node].life?.number == address.life }

    func wall(_ node: Int) -> Instant {
        Instant(microseconds: Self.wallStart + now.microseconds + nodes[node].clockSkew)
    }

    /// Microseconds, mostly near `least`, seldom near `most`.
    mutating func delay(_ least: Int, _ most: Int) -> Int64 {
        let span = random.draw(below: 8) == 0 ? most - least : (most - least) / 10
        return Int64(least + random.draw(below: span + 1))
    }

    mutating func chance(perMille: Int) -> Bool { perMille > 0 && random.draw(below: 1_000) < perMille }

    mutating func later(_ microseconds: Int64, _ item: Happening) {
        agenda.add(item, at: now.advanced(byMicroseconds: microseconds))
    }

    mutating func send(_ delivery: Delivery, to address: Address, after microseconds: Int64) {
        later(microseconds, .deliver(address, delivery))
    }
}
