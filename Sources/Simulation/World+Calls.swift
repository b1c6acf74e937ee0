import DataPlane
import Detection
import HashRing
import Ports
import Telemetry

/// Calls between origins and owners, and the driver of `SlotCore`.
extension World {
    /// One trained model for two of the metrics; the third learns for ever.
    static let models: ModelRegistry = {
        var models = ModelRegistry()
        var random = SeededGenerator(seed: 7)
        for name in metrics.prefix(2) {
            var trainer = DetectorTrainer()
            for index in 0..<DetectorTrainer.readingsCount {
                let series = Series(device: device(index % 2), metric: Metric(unchecked: name))
                trainer.append(
                    random.drawUnit() * 50, at: Instant(microseconds: wallStart - 1_000_000 * Int64(400 - index)),
                    series: series)
            }
            models.activate(trainer.train(name: name, version: 1, seed: 1), for: Metric(unchecked: name))
        }
        return models
    }()

    // MARK: The network

    private func address(of owner: Owner) -> Address? {
        guard let node = nodes.firstIndex(where: { $0.name == owner.name }) else { return nil }
        return Address(node: node, life: owner.incarnation)
    }

    /// How long a message takes from one node to another; nil if it is lost.
    private mutating func transit(_ from: Int, _ to: Int) -> Int64? {
        if from == to { return delay(20, 2_000) }
        if isCutOff(from) || isCutOff(to) { return nil }
        let isBad = badNetworkUntil > now
        if !isHealed, chance(perMille: scenario.callLossPerMille + (isBad ? 250 : 0)) { return nil }
        return isBad ? delay(1_000, 6_000_000) : delay(100, 20_000)
    }

    mutating func send(_ call: ScoreCall, to owner: Owner, from address: Address) {
        checkCall(call, to: owner, from: address)
        guard let there = self.address(of: owner), isAlive(there) else {
            // Mostly the connection is refused; or nothing comes back.
            if random.draw(below: 3) > 0 {
                send(.event(.callFailed(call.number, .ownerLost)), to: address, after: delay(100, 50_000))
            }
            return
        }
        let copies = badNetworkUntil > now && random.draw(below: 4) == 0 ? 2 : 1
        for _ in 0..<copies {
            guard let time = transit(address.node, there.node) else { continue }
            send(.call(call, from: address), to: there, after: time)
        }
    }

    private mutating func reply(_ event: IngestCore.Event, to origin: Address, from owner: Address) {
        let copies = badNetworkUntil > now && random.draw(below: 4) == 0 ? 2 : 1
        for _ in 0..<copies {
            guard let time = transit(owner.node, origin.node) else { continue }
            send(.event(event), to: origin, after: time)
        }
    }

    // MARK: The owner

    mutating func adopt(_ ring: Ring, at address: Address) {
        nodes[address.node].life?.ring = ring
        if ring.owners.isEmpty {
            // Whatever this node has, or is about to have, may wait for an owner for too long.
            for number in synced[nodes[address.node].folder] { truth.allowUnscored(number) }
            for batch in (nodes[address.node].life?.requests ?? [:]).values {
                for value in batch.values { truth.allowUnscored(Truth.number(of: value)) }
            }
        }
        tell(address, .ring(ring))
        let me = Owner(name: nodes[address.node].name, incarnation: address.life)
        for index in 0..<scenario.devicesCount {
            let slot = Slot(of: Self.device(index))
            if ring.owner(of: slot) == me { handle(.owned(from: nil), slot: slot, at: address) }
        }
    }

    mutating func take(_ call: ScoreCall, from origin: Address, at address: Address) {
        guard let life = nodes[address.node].life, nodes[address.node].swallowsUntil <= now else { return }
        life.ticketsCount += 1
        let ticket = SlotCore.Ticket(life.ticketsCount)
        let known = faults.contains(.retryScoredTwice) ? forgetful(call) : call
        life.tickets[ticket] = .init(call: known, from: origin, assembly: ReplyAssembly(readingsCount: call.count))
        logOf[call.writer] = call.origin
        life.newestCall[call.writer] = max(life.newestCall[call.writer] ?? call.number, call.number)
        for part in known.parts { handle(.score(ticket, known, part), slot: part.slot, at: address) }
    }

    /// The same call under a name never seen.
    private mutating func forgetful(_ call: ScoreCall) -> ScoreCall {
        var copy = ScoreCall(origin: LogID(using: &random), writer: call.writer, number: call.number)
        _ = copy.add(series: call.series)
        for part in call.parts {
            for index in part.readings {
                copy.append(
                    slot: part.slot, series: call.seriesIndices[index], time: call.times[index],
                    value: call.values[index], receivedAt: call.receivedAt[index], position: call.positions[index])
            }
        }
        return copy
    }

    mutating func handle(_ event: SlotCore.Event, slot: Slot, at address: Address) {
        guard let life = nodes[address.node].life else { return }
        var state = life.slots.removeValue(forKey: slot) ?? SlotCore(slot: slot)
        let awaitsRows = state.awaitsRows
        let effects = state.handle(event, now: now, models: &life.models)
        var reference = life.references.removeValue(forKey: slot) ?? OwnerReference()
        switch event {
        case .warmed(let rows, let tombstones): if awaitsRows { reference.warm(rows, tombstones) }
        case .forget(let device, let time): reference.forget(device, at: time)
        default: break
        }
        var answered: Set<Int> = []
        for case .reply(let ticket, let part, let verdicts) in effects {
            guard let call = life.tickets[ticket]?.call else { continue }
            for (place, index) in part.readings.enumerated() {
                let name = call.series[Int(call.seriesIndices[index])]
                let expected = reference.count(
                    Reading(series: name, time: call.times[index], value: call.values[index]),
                    receivedAt: call.receivedAt[index], by: life.models.detector(for: name.metric))
                // What was answered before is checked against that answer (`noteVerdicts`).
                let number = Truth.number(of: call.values[index])
                let isFirst = truth.given[number].isEmpty && answered.insert(number).inserted
                if isFirst, verdicts[place] != expected {
                    problem("\(nodes[address.node].name) says \(verdicts[place]), \(expected) is right")
                }
            }
        }
        let difference = event == .tick && effects.isEmpty ? nil : reference.firstDifference(from: state)
        life.slots[slot] = state
        life.references[slot] = reference
        if let difference { problem("\(nodes[address.node].name): the state of \(difference) is not what was counted") }
        for effect in effects { perform(effect, at: address) }
    }

    private mutating func perform(_ effect: SlotCore.Effect, at address: Address) {
        switch effect {
        case .warm(let slot): ask(.warm(slot), of: address)
        case .reply(let ticket, let part, let verdicts):
            guard var arrival = nodes[address.node].life?.tickets[ticket] else { return }
            noteVerdicts(verdicts, on: part, of: arrival.call, at: address)
            arrival.assembly.add(part, verdicts)
            nodes[address.node].life?.tickets[ticket] = arrival
            guard let all = arrival.assembly.answer else { return }
            nodes[address.node].life?.tickets[ticket] = nil
            reply(.scored(arrival.call.number, all), to: arrival.from, from: address)
        case .refuse(let ticket, _), .moved(let ticket, _, _):
            guard let arrival = nodes[address.node].life?.tickets.removeValue(forKey: ticket) else { return }
            reply(.callFailed(arrival.call.number, .noAnswer), to: arrival.from, from: address)
        case .pull, .offer, .give: break
        }
    }

    mutating func warmed(_ slot: Slot, _ rows: [LatestRow], _ tombstones: [Tombstone], at address: Address) {
        handle(.warmed(rows, tombstones), slot: slot, at: address)
    }

    mutating func forget(_ device: DeviceID, at time: Instant, at address: Address) {
        handle(.forget(device, at: time), slot: Slot(of: device), at: address)
    }

    mutating func tickSlots(at address: Address) {
        for slot in (nodes[address.node].life?.slots.keys.sorted() ?? []) { handle(.tick, slot: slot, at: address) }
    }

    // MARK: What the store is told

    mutating func flush(_ address: Address) {
        var rows: [LatestRow] = []
        for slot in (nodes[address.node].life?.slots.keys.sorted() ?? []) {
            rows += nodes[address.node].life?.slots[slot]?.takeChanged(atMost: 100) ?? []
        }
        if !rows.isEmpty { ask(.flush(rows), of: address) }
    }

    mutating func tellAgain(_ rows: [LatestRow], at address: Address) {
        for row in rows { nodes[address.node].life?.slots[Slot(of: row.series.device)]?.markChanged([row]) }
    }
}
