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
            models.activate(.detector(trainer.train(name: name, version: 1, seed: 1)), for: Metric(unchecked: name))
        }
        return models
    }()

    // MARK: The network

    func address(of owner: Owner) -> Address? {
        guard let node = nodes.firstIndex(where: { $0.name == owner.name }) else { return nil }
        return Address(node: node, life: owner.incarnation)
    }

    /// How long a message takes from one node to another; nil if it is lost.
    mutating func transit(_ from: Int, _ to: Int) -> Int64? {
        if from == to { return delay(20, 2_000) }
        if isCutOff(from, to) { return nil }
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

    mutating func take(_ call: ScoreCall, from origin: Address, at address: Address) {
        guard let life = nodes[address.node].life, nodes[address.node].swallowsUntil <= now else { return }
        life.ticketsCount += 1
        let ticket = SlotCore.Ticket(life.ticketsCount)
        let known = faults.isDisjoint(with: [.retryScoredTwice, .movesForgotten]) ? call : forgetful(call)
        life.tickets[ticket] = .init(call: known, from: origin, assembly: ReplyAssembly(readingsCount: call.count))
        logOf[call.writer] = call.origin
        for part in known.parts {
            life.references[part.slot, default: OwnerReference()].answers.note(call)
            handle(.score(ticket, known, part), slot: part.slot, at: address)
        }
    }

    /// The same call under a name never seen, or as if it had never been sent on.
    private mutating func forgetful(_ call: ScoreCall) -> ScoreCall {
        let origin = faults.contains(.retryScoredTwice) ? LogID(using: &random) : call.origin
        var copy = ScoreCall(origin: origin, writer: call.writer, number: call.number)
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

    /// - Parameter other: the reference of the state that comes with the event.
    mutating func handle(
        _ event: SlotCore.Event, slot: Slot, at address: Address, taking other: OwnerReference? = nil
    ) {
        guard let life = nodes[address.node].life else { return }
        var state = life.slots.removeValue(forKey: slot) ?? SlotCore(slot: slot)
        var reference = life.references.removeValue(forKey: slot) ?? OwnerReference()
        reference.follow(event, from: state, taking: other)
        let kept = faults.contains(.sealedGoesOn) && state.series != nil ? state : nil
        let effects = state.handle(event, now: now, models: &life.models)
        if let kept, case .pullRequested = event { state = kept }
        checkVerdicts(in: effects, &reference, state, life, at: address)
        let difference = event == .tick && effects.isEmpty ? nil : reference.firstDifference(from: state)
        if state.isCold { reference.drop() }
        life.slots[slot] = state
        life.references[slot] = reference
        if let difference { problem("\(nodes[address.node].name): the state of \(difference) is not what was counted") }
        noteSlot(event, effects, slot, at: address)
        for effect in effects { perform(effect, at: address) }
        if scenario.isOrderly, !isHealed { checkUnmoved(slot, at: address) }
    }

    /// What an owner says of a reading that nobody judged before is what its reference says.
    private mutating func checkVerdicts(
        in effects: [SlotCore.Effect], _ reference: inout OwnerReference, _ state: SlotCore, _ life: VirtualNode.Life,
        at address: Address
    ) {
        var answered: Set<Int> = []
        for case .reply(let ticket, let part, let verdicts) in effects {
            guard let call = life.tickets[ticket]?.call else { continue }
            for (place, index) in part.readings.enumerated() {
                let name = call.series[Int(call.seriesIndices[index])]
                let reading = Reading(series: name, time: call.times[index], value: call.values[index])
                let model = life.models.model(for: name.metric)
                // What was answered before is checked against that answer (`noteVerdicts`).
                let number = Truth.number(of: call.values[index])
                let isFirst = truth.given[number].isEmpty && answered.insert(number).inserted
                let receivedAt = call.receivedAt[index]
                let origin = logOf[call.writer] ?? call.origin
                // Two lives of one log settle what the other was told, or do not: an owner may remember or hear it anew.
                let isNothingNew =
                    !scenario.isOrderly && !isFirst && state.series?[name] != nil && reference.isNothingNew(reading)
                let isHeld = reference.answers.holds(
                    number, at: .init(origin: origin, position: call.positions[index]))
                if isHeld || isNothingNew {
                    reference.hearAgain(name, at: receivedAt, as: state.series?[name])
                    continue
                }
                let expected = reference.count(reading, receivedAt: receivedAt, by: model)
                if isFirst, verdicts[place] != expected {
                    problem("\(nodes[address.node].name) says \(verdicts[place]), \(expected) is right")
                }
                guard scenario.isOrderly, !isHealed else { continue }
                let unmoved = unmoved[part.slot, default: OwnerReference()].count(
                    reading, receivedAt: receivedAt, by: model)
                if isFirst, verdicts[place] != unmoved {
                    problem("\(nodes[address.node].name) says \(verdicts[place]), unmoved it were \(unmoved)")
                }
            }
        }
    }

    private mutating func noteSlot(
        _ event: SlotCore.Event, _ effects: [SlotCore.Effect], _ slot: Slot, at address: Address
    ) {
        if effects.isEmpty, event == .tick { return }
        trace.note(
            now, "slot", UInt64(address.node), UInt64(slot.number), UInt64(effects.count),
            text: "\(nodes[address.node].name)#\(address.life) \(slot.number) \(event.brief) -> "
                + effects.map(\.brief).joined(separator: ", "))
    }

    private mutating func perform(_ effect: SlotCore.Effect, at address: Address) {
        switch effect {
        case .warm(let slot): ask(.warm(slot), of: address)
        case .reply(let ticket, let part, let verdicts):
            guard let call = nodes[address.node].life?.tickets[ticket]?.call else { return }
            noteVerdicts(verdicts, on: part, of: call, at: address)
            answer(ticket, at: address) { $0.add(part, verdicts) }
        case .moved(let ticket, let part, let owner): answer(ticket, at: address) { $0.add(part, movedTo: owner) }
        case .refuse(let ticket, _):
            guard let arrival = nodes[address.node].life?.tickets.removeValue(forKey: ticket) else { return }
            reply(.callFailed(arrival.call.number, .noAnswer), to: arrival.from, from: address)
        case .pull(let slot, let owner): pull(slot, from: owner, by: address)
        case .offer(let slot, let owner): offer(slot, to: owner, by: address)
        case .give(let ticket, let gift): give(gift, ticket, at: address)
        // Nobody keeps silences in this world.
        case .silenceEnded: break
        }
    }

    private mutating func answer(
        _ ticket: SlotCore.Ticket, at address: Address, _ add: (inout ReplyAssembly) -> Void
    ) {
        guard var arrival = nodes[address.node].life?.tickets[ticket] else { return }
        add(&arrival.assembly)
        nodes[address.node].life?.tickets[ticket] = arrival
        guard let whole = arrival.assembly.answer else { return }
        nodes[address.node].life?.tickets[ticket] = nil
        let isFailure = faults.contains(.movedIsLostOwner) && !whole.moved.isEmpty
        let number = arrival.call.number
        reply(isFailure ? .callFailed(number, .ownerLost) : .scored(number, whole), to: arrival.from, from: address)
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
