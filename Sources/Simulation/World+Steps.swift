import DataPlane
import HashRing
import Telemetry

/// The schedule's actions.
extension World {
    static let nodesMax = 6
    static let metrics = ["t", "p", VirtualStore.refusedMetric.text]

    mutating func perform(_ action: Scenario.Action) {
        trace.note(now, "step", text: "\(action)")
        switch action {
        case .send(let node, let readings, let kind): sendBatch(to: node, readings, kind)
        case .sendAgain(let node): sendAgain(to: node)
        case .crash(let node, let isPowerLost): end(at(node), isPowerLost: isPowerLost)
        case .stop(let node): stop(at(node))
        case .start(let node, let choice): start(at(node), choice)
        case .pause(let node, let milliseconds): pause(at(node), milliseconds)
        case .isolate(let node, let milliseconds): isolate(at(node), milliseconds)
        case .split(let side, let milliseconds): split(side, milliseconds)
        case .restart(let node): restart(at(node))
        case .join: join()
        case .freezeRing(let node, let milliseconds):
            nodes[at(node)].staleUntil = until(milliseconds)
            later(Int64(milliseconds) * 1_000, .look(node: at(node)))
        case .storeAway(let milliseconds): storeAwayUntil = until(milliseconds)
        case .storeSlow(let milliseconds): storeSlowUntil = until(milliseconds)
        case .backUp: backup = store
        case .restore: restore()
        case .badNetwork(let milliseconds): badNetworkUntil = until(milliseconds)
        case .badCommits(let milliseconds): badCommitsUntil = until(milliseconds)
        case .diskFull(let node, let milliseconds): fillDisk(at(node), milliseconds)
        case .diskFails(let node): nodes[at(node)].diskFailsNext = true
        case .flipBit(let node): flipBit(nodes[at(node)].folder)
        case .swallow(let node, let milliseconds): nodes[at(node)].swallowsUntil = until(milliseconds)
        case .startCopy(let node): startCopy(of: at(node))
        case .delete(let device): delete(Self.device(device))
        case .loseRing(let node, let milliseconds):
            nodes[at(node)].ringlessUntil = until(milliseconds)
            later(0, .look(node: at(node)))
            later(Int64(milliseconds) * 1_000, .look(node: at(node)))
        }
    }

    private func at(_ node: Int) -> Int { node % nodes.count }

    private func until(_ milliseconds: Int) -> Moment { now.advanced(byMicroseconds: Int64(milliseconds) * 1_000) }

    static func device(_ index: Int) -> DeviceID { DeviceID(unchecked: "d\(index)") }

    // MARK: Clients

    private mutating func sendBatch(to node: Int, _ count: Int, _ kind: Scenario.SendKind) {
        var readings: [Reading] = []
        for _ in 0..<count {
            let metric = random.draw(below: 20)
            let series = Series(
                device: Self.device(random.draw(below: scenario.devicesCount)),
                metric: Metric(unchecked: Self.metrics[metric == 0 ? 2 : metric % 2]))
            let newest = seriesTimes[series] ?? Self.wallStart
            let time =
                switch kind {
                case .rising: max(newest + 1, Self.wallStart + now.microseconds + Int64(readings.count))
                case .late: newest - Int64(random.draw(below: 5_000_000))
                case .sameTime: newest
                }
            seriesTimes[series] = max(newest, time)
            readings.append(truth.makeReading(series, at: Instant(microseconds: time)))
        }
        let batch = ReadingBatch(receivedAt: wall(node), readings: readings)
        // Some clients do it again though they were answered.
        if random.draw(below: 10) == 0 { unanswered.append((node, batch)) }
        offer(batch, to: node)
    }

    /// A client that got no answer, or just does it again, through whatever node.
    private mutating func sendAgain(to node: Int) {
        guard !unanswered.isEmpty else { return }
        let index = random.draw(below: unanswered.count)
        let batch = unanswered[index].batch
        if random.draw(below: 2) == 0 { unanswered.remove(at: index) }
        offer(ReadingBatch(receivedAt: wall(node), readings: (0..<batch.count).map { batch[$0] }), to: node)
    }

    private mutating func offer(_ batch: ReadingBatch, to node: Int) {
        guard let life = nodes[node].life else {
            unanswered.append((node, batch))
            return
        }
        send(.batch(batch), to: Address(node: node, life: life.number), after: delay(50, 2_000))
    }

    // MARK: Processes

    mutating func addFolder() -> Int {
        folders.append(
            VirtualFolder(
                id: LogID(using: &random), segmentBytes: scenario.segmentBytes, limitBytes: scenario.logBytes))
        synced.append([])
        judged.append([])
        return folders.count - 1
    }

    mutating func addNode(folder: Int, name: String) {
        let skew =
            scenario.clockSkewMax == 0 ? 0 : random.draw(below: 2 * scenario.clockSkewMax) - scenario.clockSkewMax
        nodes.append(VirtualNode(name: name, folder: folder, clockSkew: Int64(skew)))
    }

    /// The process ends at once; what it has not synced stays only if the machine stays up.
    mutating func end(_ node: Int, isPowerLost: Bool) {
        guard let life = nodes[node].life else { return }
        for id in life.requests.keys.sorted(by: { $0.number < $1.number }) {
            if let batch = life.requests[id] { unanswered.append((node, batch)) }
        }
        nodes[node].life = nil
        nodes[node].diskFailsNext = false
        hasLostPower = hasLostPower || isPowerLost
        if isPowerLost, folders[nodes[node].folder].losePower(&random) { mayHaveDamage = true }
        flockChanged()
    }

    /// A graceful end: the process stores what it can, for three seconds at most.
    private mutating func stop(_ node: Int) {
        guard let life = nodes[node].life, !life.isStopping else { return }
        // In an orderly world somebody stays.
        let stayingCount = nodes.count { $0.life.map { !$0.isStopping } ?? false }
        if scenario.isOrderly, stayingCount < 2 { return }
        let address = Address(node: node, life: life.number)
        nodes[node].life?.isStopping = true
        send(.event(.drain), to: address, after: 0)
        later(0, .look(node: node))
        flockChanged()
        later(3_000_000, .exit(address))
    }

    /// Faster than anybody notices: the same name, a new owner with nothing.
    private mutating func restart(_ node: Int) {
        guard nodes[node].life != nil else { return }
        end(node, isPowerLost: false)
        later(delay(50_000, 400_000), .start(node: node))
    }

    /// A node that was never there.
    private mutating func join() {
        guard nodes.count < Self.nodesMax else { return }
        addNode(folder: addFolder(), name: "new\(nodes.count)")
        start(nodes.count - 1, .own)
    }

    mutating func start(_ node: Int, _ choice: Scenario.FolderChoice) {
        guard nodes[node].life == nil else { return }
        switch choice {
        case .own: break
        case .empty: nodes[node].folder = addFolder()
        case .emptyAfterLoss:
            destroy(nodes[node].folder)
            nodes[node].folder = addFolder()
        case .swapped(let number):
            let other = at(number)
            guard nodes[other].life == nil else { return }
            (nodes[node].folder, nodes[other].folder) = (nodes[other].folder, nodes[node].folder)
        }
        let folder = nodes[node].folder
        let writer = WriterID(using: &random)
        folders[folder].open(by: writer)
        takeStock(of: folder)
        nodes[node].livesCount += 1
        truth.noteReplayed(synced[folder], by: writer)
        let opened = folders[folder].opened
        let life = VirtualNode.Life(
            number: nodes[node].livesCount,
            core: IngestCore(log: opened, writer: writer, limits: scenario.limits), models: Self.models)
        nodes[node].life = life
        trace.note(now, "start", UInt64(node), life.number, text: "\(nodes[node].name)#\(life.number) \(opened)")
        let address = Address(node: node, life: life.number)
        tell(address, .started(opened))
        send(.tick, to: address, after: delay(1_000, 50_000))
        send(.flush, to: address, after: delay(100_000, 2_000_000))
        flockChanged()
        later(delay(20_000, 1_000_000), .look(node: node))
    }

    private mutating func pause(_ node: Int, _ milliseconds: Int) {
        guard let life = nodes[node].life, life.pausedSince == nil else { return }
        nodes[node].life?.pausedSince = now
        later(Int64(milliseconds) * 1_000, .resume(Address(node: node, life: life.number)))
        for other in nodes.indices { later(Self.detectionTime + delay(0, 1_000_000), .look(node: other)) }
    }

    mutating func resume(_ address: Address) {
        guard isAlive(address), nodes[address.node].life?.pausedSince != nil else { return }
        nodes[address.node].life?.pausedSince = nil
        let deferred = nodes[address.node].life?.deferred ?? []
        nodes[address.node].life?.deferred = []
        for delivery in deferred { deliver(delivery, to: address) }
        flockChanged()
    }

    private mutating func isolate(_ node: Int, _ milliseconds: Int) {
        nodes[node].isolatedUntil = until(milliseconds)
        for other in nodes.indices {
            later(Self.detectionTime + delay(0, 1_000_000), .look(node: other))
            later(Int64(milliseconds) * 1_000 + delay(0, 1_000_000), .look(node: other))
        }
    }

    /// Two sides that do not hear of each other, and both own everything.
    private mutating func split(_ side: Int, _ milliseconds: Int) {
        for node in nodes.indices { nodes[node].isOnSide = side >> node & 1 == 1 }
        splitUntil = until(milliseconds)
        for node in nodes.indices {
            later(Self.detectionTime + delay(0, 1_000_000), .look(node: node))
            later(Int64(milliseconds) * 1_000 + delay(0, 1_000_000), .look(node: node))
        }
    }

    private mutating func startCopy(of node: Int) {
        guard nodes.count < Self.nodesMax else { return }
        hasCopied = true
        mayHaveDamage = true  // what only the other twin accepted looks like damage to this one
        folders.append(folders[nodes[node].folder])
        synced.append(synced[nodes[node].folder])
        judged.append(judged[nodes[node].folder])
        addNode(folder: folders.count - 1, name: "copy\(nodes.count)")
        start(nodes.count - 1, .own)
    }

    // MARK: Membership, as gossip would bring it about: late, and not everywhere at once

    static let detectionTime: Int64 = 1_500_000

    mutating func flockChanged() {
        for node in nodes.indices { later(delay(20_000, 2_000_000), .look(node: node)) }
    }

    func isCutOff(_ one: Int, _ other: Int) -> Bool {
        guard one != other else { return false }
        let isSplit = splitUntil > now && nodes[one].isOnSide != nodes[other].isOnSide
        return isSplit || nodes[one].isolatedUntil > now || nodes[other].isolatedUntil > now
    }

    /// The node sees who is there, and adopts the ring of it.
    mutating func lookAtFlock(_ node: Int) {
        guard let life = nodes[node].life, nodes[node].staleUntil <= now else { return }
        var members = nodes.indices.filter { other in
            guard let there = nodes[other].life, !there.isStopping else { return false }
            if other == node { return true }
            let isHung = there.pausedSince.map { $0.advanced(byMicroseconds: Self.detectionTime) <= now } ?? false
            return !isHung && !isCutOff(node, other)
        }
        // Who leaves alone leaves nobody behind.
        if members.isEmpty { members = [node] }
        let owners = members.compactMap { index in
            nodes[index].life.map { Owner(name: nodes[index].name, incarnation: $0.number) }
        }
        let isRingless = nodes[node].ringlessUntil > now
        send(.ring(isRingless ? Ring([]) : ring(of: owners)), to: Address(node: node, life: life.number), after: 0)
    }

    /// Who owns what depends on names alone: computed once for each set of them.
    mutating func ring(of owners: [Owner]) -> Ring {
        let names = owners.map(\.name).sorted()
        let ring = rings[names].map { Ring(owners, asIn: $0) } ?? Ring(owners)
        rings[names] = ring
        return ring
    }
}
