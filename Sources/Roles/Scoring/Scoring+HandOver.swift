import ClusterActors
import CoreMetrics
import DataPlane
import Detection
import Distributed
package import HashRing
import LogFormat
import Logging
import Ports
import Telemetry

/// Slots on their way from owner to owner: the cores decide, here their questions are put together, peer by peer.
extension Scoring {
    /// Orders of the slots that wait for their turn.
    struct HandOver {
        var pulls: [Owner: Set<Slot>] = [:]
        var offers: [Owner: SlotSet] = [:]
        var ring: Ring?
        /// Pulls of other owners that wait for their gifts.
        var gifts: [SlotCore.PullTicket: SlotCore.Gift?] = [:]
        var ticketsCount: UInt64 = 0
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    /// What a peer is asked at once beyond the first call; more would only wait for its answers.
    private static let roundsMax = 1_024

    /// Takes a ring: whoever gets slots pulls them, whoever loses some offers them.
    package func adopt(_ ring: Ring, as me: Owner) {
        let change = RingChange(to: ring, from: handOver.ring, by: me)
        handOver.ring = ring
        for slot in slots.map(\.slot) { for effect in handle(change.event(for: slot), in: slot) { perform(effect) } }
    }

    func order(pull slot: Slot, from owner: Owner) {
        handOver.pulls[owner, default: []].insert(slot)
        handOverWakes.yield()
    }

    func order(offer slot: Slot, to owner: Owner) {
        handOver.offers[owner, default: SlotSet()].insert(slot)
        handOverWakes.yield()
    }

    /// Performs the orders so far: all peers at once, each in calls of a bounded size.
    package func handOver(among peers: Peers) async {
        let pulls = handOver.pulls
        let offers = handOver.offers
        handOver.pulls = [:]
        handOver.offers = [:]
        // By its own name, not by the ring's: who offers may have a ring before this node has one.
        let me = Owner(name: id.node, incarnation: id.incarnation)
        await withDiscardingTaskGroup { group in
            for (owner, slots) in offers {
                group.addTask {
                    // Nobody waits for it: it is offered again until it is pulled.
                    await ClusterActorSystem.$deadline.withValue(Self.pullDeadline) {
                        try? await peers.scoring(of: owner).offer(OfferCall(by: me, slots))
                    }
                }
            }
            for (owner, slots) in pulls {
                group.addTask { await self.whenLocal { await $0.pull(slots.sorted(), from: owner, as: me, peers) } }
            }
        }
    }

    private static let pullDeadline = Duration.microseconds(SlotCore.pullPatience)

    private func pull(_ slots: [Slot], from owner: Owner, as me: Owner, _ peers: Peers) async {
        var rest = slots.map { PullCall.Want($0) }
        var pieces: [Slot: [SlotState]] = [:]
        for _ in 0..<Self.roundsMax where !rest.isEmpty {
            let asked = Array(rest.prefix(PullCall.slotsMax))
            rest.removeFirst(asked.count)
            do {
                let actor = try peers.scoring(of: owner)
                let reply = try await ClusterActorSystem.$deadline.withValue(Self.pullDeadline) {
                    try await actor.pull(PullCall(by: me, asked))
                }
                var whole: [(Slot, SlotCore.Gift)] = []
                for gift in reply.gifts {
                    let all = pieces.removeValue(forKey: gift.slot) ?? []
                    guard gift.isWhole else {
                        pieces[gift.slot] = all + gift.pieces
                        rest.append(PullCall.Want(gift.slot, from: all.count + gift.pieces.count))
                        continue
                    }
                    let state = all + gift.pieces
                    whole.append(
                        (
                            gift.slot,
                            SlotCore.Gift(
                                state: state.isEmpty ? nil : SlotState(joining: state), passedOn: gift.passedOn)
                        ))
                }
                await take(whole, from: owner)
            } catch {
                pullFailed((asked + rest).map(\.slot), from: owner, error)
                return
            }
        }
        if !rest.isEmpty { pullFailed(rest.map(\.slot), from: owner, nil) }
    }

    private func take(_ gifts: [(Slot, SlotCore.Gift)], from owner: Owner) async {
        await loadModels(for: gifts.lazy.compactMap(\.1.state))
        for (slot, gift) in gifts {
            for effect in handle(.pulled(gift, from: owner), in: slot) { perform(effect) }
        }
        if gifts.contains(where: { $0.1.state != nil }) { noteGifts() }
        NodeMetrics.slotsPulled.increment(by: gifts.count { $0.1.state != nil })
        resumeOpenWaiters()
    }

    private func pullFailed(_ slots: [Slot], from owner: Owner, _ error: (any Error)?) {
        logger.debug(
            "slots were not given",
            metadata: [
                "owner": "\(owner)", "slots": "\(slots.count)", "reason": "\(error.map { "\($0)" } ?? "too large")",
            ])
        for slot in slots { for effect in handle(.pullFailed(from: owner), in: slot) { perform(effect) } }
        resumeOpenWaiters()
    }

    /// A state is worth nothing without the model that it belongs to, and that may be newer than this node's last look.
    private func loadModels(for states: some Sequence<SlotState>) async {
        let isLacking = states.contains { state in
            state.series.contains { $0.value.verdict.model != .none && models.model(for: $0.key.metric) == nil }
        }
        guard isLacking, let rows = try? await store.models() else { return }
        load(rows, serving: rows.map(\.version))
    }

    // MARK: Giving

    /// Gives slots to whom they belong now. Those that are on their way here themselves are waited for, as long as the
    /// caller waits.
    package distributed func pull(_ call: PullCall) async throws -> PullReply {
        var tickets: [(want: PullCall.Want, ticket: SlotCore.PullTicket)] = []
        for want in call.wants {
            handOver.ticketsCount &+= 1
            let ticket = SlotCore.PullTicket(handOver.ticketsCount)
            handOver.gifts[ticket] = .some(nil)
            tickets.append((want, ticket))
            for effect in handle(.pullRequested(ticket, by: call.owner), in: want.slot) { perform(effect) }
        }
        defer { for (_, ticket) in tickets { handOver.gifts[ticket] = nil } }
        let end = clock.moment.advanced(byMicroseconds: Self.givePatience)
        while clock.moment < end, !isStopped, tickets.contains(where: { handOver.gifts[$0.ticket] == .some(nil) }) {
            await withCheckedContinuation { handOver.waiters.append($0) }
        }
        var room = PullReply.bytesMax
        var isFirst = true
        return PullReply(
            gifts: tickets.map { want, ticket in
                defer { isFirst = false }
                guard let gift = handOver.gifts[ticket].flatMap(\.self) else {
                    // Still on its way here: worth another question.
                    return PullReply.Gift(slot: want.slot, pieces: [], isWhole: false, passedOn: nil)
                }
                return Self.pack(gift, want, &room, isFirst: isFirst)
            })
    }

    /// Half of the caller's patience: what is late is of no use, and slots that are ready must not wait for one that is not.
    static let givePatience = SlotCore.givePatience

    /// As many pieces as there is room for; the first slot has one in any case, so that every call brings the caller on.
    private static func pack(
        _ gift: SlotCore.Gift, _ want: PullCall.Want, _ room: inout Int, isFirst: Bool
    ) -> PullReply.Gift {
        guard let state = gift.state else {
            return PullReply.Gift(slot: want.slot, pieces: [], isWhole: true, passedOn: gift.passedOn)
        }
        let all = state.pieces()
        var given: [SlotState] = []
        for piece in all.dropFirst(want.piece) {
            var writer = ByteWriter()
            // One that cannot be written is not sent: the store knows its rows.
            let isSound = (try? piece.encode(into: &writer)) != nil
            guard writer.count <= room || (isFirst && given.isEmpty) else { break }
            room -= writer.count
            given.append(isSound ? piece : SlotState(awaitsRows: true))
        }
        return PullReply.Gift(
            slot: want.slot, pieces: given, isWhole: want.piece + given.count >= all.count, passedOn: gift.passedOn)
    }

    /// Another owner has states of slots that its ring gives to this node.
    package distributed func offer(_ call: OfferCall) async throws {
        for slot in call.slots.slots { for effect in handle(.offered(by: call.owner), in: slot) { perform(effect) } }
    }

    func give(_ ticket: SlotCore.PullTicket, _ gift: SlotCore.Gift) {
        guard handOver.gifts[ticket] != nil else { return }
        handOver.gifts[ticket] = .some(gift)
        if gift.state != nil { NodeMetrics.slotsGiven.increment() }
        resumeGiftWaiters()
    }

    /// Also at every tick, so that nobody waits beyond his patience.
    func resumeGiftWaiters() {
        for waiter in handOver.waiters { waiter.resume() }
        handOver.waiters = []
    }
}
