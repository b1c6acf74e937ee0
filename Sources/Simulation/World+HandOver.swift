import DataPlane
import HashRing
import Ports
import Telemetry

/// Slots on their way between owners, and the rings that send them: the driver of `SlotCore` among others.
extension World {
    /// Rings agree and every slot has its one owner this long after all disasters.
    static let handOverMax: Int64 = 20_000_000

    mutating func adopt(_ ring: Ring, at address: Address) {
        guard let life = nodes[address.node].life else { return }
        if life.ring != ring { life.movesInRow = [:] }
        life.ring = ring
        if ring.owners.isEmpty {
            // Whatever this node has, or is about to have, may wait for an owner for too long.
            for number in synced[nodes[address.node].folder] { truth.allowUnscored(number) }
            for batch in life.requests.values {
                for value in batch.values { truth.allowUnscored(Truth.number(of: value)) }
            }
        }
        tell(address, .ring(ring))
        // Membership says who is dead; who left may still answer.
        for (owner, call) in life.open.sorted(by: { $0.key < $1.key }) where !ring.owners.contains(owner) {
            guard let there = self.address(of: owner), isAlive(there), !isCutOff(address.node, there.node) else {
                tell(address, .callFailed(call.number, .ownerLost))
                continue
            }
        }
        // What a first change makes of it by itself, from the rings that were made already.
        let before = life.ringBefore ?? self.ring(of: ring.owners.filter { $0 != me(address) })
        let change = RingChange(to: ring, from: before, by: me(address))
        if !ring.owners.isEmpty { life.ringBefore = ring }
        for slot in slots { handle(change.event(for: slot), slot: slot, at: address) }
    }

    func me(_ address: Address) -> Owner { Owner(name: nodes[address.node].name, incarnation: address.life) }

    /// Of the world's devices.
    var slots: [Slot] { Set((0..<scenario.devicesCount).map { Slot(of: Self.device($0)) }).sorted() }

    // MARK: Messages

    mutating func pull(_ slot: Slot, from owner: Owner, by address: Address) {
        guard let there = self.address(of: owner), isAlive(there) else {
            // Mostly the connection is refused; or nothing comes back.
            if random.draw(below: 3) > 0 {
                send(.pullFailed(slot, from: owner), to: address, after: delay(100, 50_000))
            }
            return
        }
        carry(.pull(slot, by: me(address)), to: there, from: address)
    }

    mutating func offer(_ slot: Slot, to owner: Owner, by address: Address) {
        guard !faults.contains(.offersIgnored), let there = self.address(of: owner), isAlive(there) else { return }
        carry(.offer(slot, by: me(address)), to: there, from: address)
    }

    mutating func pullArrived(_ slot: Slot, by owner: Owner, at address: Address) {
        guard let life = nodes[address.node].life, nodes[address.node].swallowsUntil <= now else { return }
        life.ticketsCount += 1
        let ticket = SlotCore.PullTicket(life.ticketsCount)
        life.pulls[ticket] = (slot, owner)
        handle(.pullRequested(ticket, by: owner), slot: slot, at: address)
    }

    /// What is given travels with its reference.
    mutating func give(_ gift: SlotCore.Gift, _ ticket: SlotCore.PullTicket, at address: Address) {
        guard let life = nodes[address.node].life, let (slot, owner) = life.pulls.removeValue(forKey: ticket),
            let there = self.address(of: owner), isAlive(there)
        else { return }
        let reference = life.references[slot] ?? OwnerReference()
        carry(.gift(slot, inBytes(gift), reference, from: me(address)), to: there, from: address)
    }

    private mutating func carry(_ message: Delivery, to there: Address, from here: Address) {
        let copies = badNetworkUntil > now && random.draw(below: 4) == 0 ? 2 : 1
        for _ in 0..<copies {
            guard let time = transit(here.node, there.node) else { continue }
            send(message, to: there, after: time)
        }
    }

    mutating func giftArrived(
        _ gift: SlotCore.Gift, _ reference: OwnerReference, of slot: Slot, from owner: Owner, at address: Address
    ) {
        var gift = gift
        if faults.contains(.pulledStateDropped) { gift = .nothing }
        if let state = gift.state {
            if faults.contains(.repliesNotMoved) {
                let bare = SlotState(
                    series: state.series, tombstones: state.tombstones, awaitsRows: state.awaitsRows)
                gift = .init(state: bare, passedOn: gift.passedOn)
            }
            if faults.contains(.statesMerged), let mine = nodes[address.node].life?.slots[slot]?.series {
                gift = .init(state: merged(state, mine), passedOn: gift.passedOn)
            }
        }
        handle(.pulled(gift, from: owner), slot: slot, at: address, taking: gift.state == nil ? nil : reference)
    }

    // MARK: The end

    /// Every slot is open at the owner that all rings name, and nowhere else.
    var isEverySlotAtHome: Bool { strayed == nil }

    /// A slot that is not at home, told for a person.
    var strayed: String? {
        for slot in slots {
            let open = nodes.compactMap { node in
                node.life.flatMap { life in
                    life.slots[slot]?.series == nil ? nil : Owner(name: node.name, incarnation: life.number)
                }
            }
            for node in nodes {
                guard let ring = node.life?.ring else { continue }
                if open != [ring.owner(of: slot)] {
                    return "slot \(slot.number) is open at \(open), \(node.name) sees \(ring.owners)"
                }
            }
        }
        return nil
    }

    /// In a world without accidents, whoever has the slot knows what one owner that never gave it away would know.
    mutating func checkUnmoved(_ slot: Slot, at address: Address) {
        guard let state = nodes[address.node].life?.slots[slot], state.series != nil,
            let series = unmoved[slot, default: OwnerReference()].firstDifference(from: state)
        else { return }
        problem("\(nodes[address.node].name): the state of \(series) is not as if it had never moved")
    }
}
