package import HashRing
package import Membership
package import Telemetry

/// Who is alive and who owns what, as one value: membership, and the owners that follow from it.
///
/// A value without a clock, a socket or randomness of its own: the node drives it (one actor), and so does a virtual
/// network of a thousand nodes.
///
/// ## How to drive it
///
/// Begin with `started`; give it a `tick` about ten times a second, and every message as it comes. Perform the effects
/// in order. `resolveSeeds` is answered by `seedsResolved`, whenever.
///
/// ## What holds
///
/// 1. **One table, one ring.** The owners are the present members, and this node unless it leaves: nodes whose tables are
///    equal have equal owners, and `Ring(owners)` is the same function everywhere.
/// 2. **No ring before the flock is known.** A node that is told to join says nothing about owners until its table equals
///    that of another member, or `ControlPlaneLimits.joinPatience` has passed: until then its readings wait.
/// 3. **Changes are gathered.** Owners change at most once a tick.
package struct ControlPlane: Hashable, Sendable {
    package let limits: ControlPlaneLimits
    package private(set) var membership: MembershipCore
    /// As last told; nil before the first time.
    package private(set) var owners: [Owner]?
    package private(set) var join = Join.waiting
    /// `MembershipCore.changesCount` when the owners were last worked out.
    private var lookedAt: UInt64?
    private var nextResolveAt = Moment(microseconds: .min)
    /// Other flocks that were heard, told once each.
    private var strangers: Set<UInt64> = []

    package init(_ membership: MembershipCore, limits: ControlPlaneLimits = ControlPlaneLimits()) {
        self.limits = limits
        self.membership = membership
    }

    package mutating func handle(_ event: Event, now: Moment) -> [Effect] {
        var effects: [Effect] = []
        switch event {
        case .started(let seeds, let isToldToJoin):
            join = isToldToJoin ? .joining(until: now.advanced(byMicroseconds: limits.joinPatience)) : .alone
            nextResolveAt = now.advanced(byMicroseconds: limits.resolveInterval)
            step(.started(seeds: seeds), now, &effects)
        case .seedsResolved(let seeds): step(.seedsResolved(seeds), now, &effects)
        case .received(let message, let from):
            noteStranger(message, from: from, &effects)
            step(.received(message, from: from), now, &effects)
            noteJoin(message, &effects)
        case .metadataChanged(let metadata): step(.metadataChanged(metadata), now, &effects)
        case .leave: step(.leave, now, &effects)
        case .tick:
            step(.tick, now, &effects)
            resolve(now, &effects)
            loseJoinPatience(now, &effects)
            tellOwners(&effects)
        }
        return effects
    }

    private mutating func step(_ event: MembershipCore.Event, _ now: Moment, _ effects: inout [Effect]) {
        for effect in membership.handle(event, now: now) {
            switch effect {
            case .send(let message, let address): effects.append(.send(message, to: address))
            case .memberChanged(let member): effects.append(.memberChanged(member))
            case .superseded(let id): effects.append(.superseded(by: id))
            case .left: effects.append(.left)
            }
        }
    }

    // MARK: Joining

    /// A table like one's own, at another member: everybody that it knows is known here.
    private mutating func noteJoin(_ message: Message, _ effects: inout [Effect]) {
        guard message.flock == membership.flock, message.sender.name != membership.me.name,
            message.digest == membership.digest, membership.presentCount > 1
        else { return }
        endJoin(.joined, &effects)
    }

    private mutating func loseJoinPatience(_ now: Moment, _ effects: inout [Effect]) {
        if case .joining(let until) = join, now >= until { endJoin(.alone, &effects) }
    }

    private mutating func endJoin(_ state: Join, _ effects: inout [Effect]) {
        guard join != state, join != .joined else { return }
        join = state
        effects.append(.joinEnded(state))
        tellOwners(&effects)
    }

    private mutating func noteStranger(_ message: Message, from: MemberAddress, _ effects: inout [Effect]) {
        guard message.flock != membership.flock, strangers.count < limits.strangersMax,
            strangers.insert(message.flock).inserted
        else { return }
        effects.append(.strangerHeard(flock: message.flock, at: from))
    }

    private mutating func resolve(_ now: Moment, _ effects: inout [Effect]) {
        guard now >= nextResolveAt, join != .waiting else { return }
        nextResolveAt = now.advanced(byMicroseconds: limits.resolveInterval)
        effects.append(.resolveSeeds)
    }

    // MARK: Owners

    private mutating func tellOwners(_ effects: inout [Effect]) {
        switch join {
        case .waiting, .joining: return
        case .alone, .joined: break
        }
        guard membership.changesCount != lookedAt else { return }
        lookedAt = membership.changesCount
        let next = currentOwners
        guard next != owners else { return }
        owners = next
        effects.append(.ownersChanged(next))
    }

    private var currentOwners: [Owner] {
        membership.members.filter(\.status.isPresent)
            .map { Owner(name: $0.name, incarnation: $0.id.incarnation) }.sorted()
    }
}

extension ControlPlane {
    package enum Event: Hashable, Sendable {
        /// - `isToldToJoin`: seeds were named, whether or not their names had addresses yet.
        case started(seeds: [MemberAddress], isToldToJoin: Bool)
        case seedsResolved([MemberAddress])
        case received(Message, from: MemberAddress)
        case metadataChanged(MemberMetadata)
        case leave
        case tick
    }

    package enum Effect: Hashable, Sendable {
        case send(Message, to: MemberAddress)
        case memberChanged(Member)
        /// Sorted. `Ring(owners)` from now on.
        case ownersChanged([Owner])
        /// Look the seeds' names up again; answered by `seedsResolved`.
        case resolveSeeds
        /// `joined`, or `alone` when nobody of this flock answered in time; that may become `joined` later.
        case joinEnded(Join)
        /// Somebody of another flock speaks to this node; told once a flock.
        case strangerHeard(flock: UInt64, at: MemberAddress)
        /// A later process has this node's name.
        case superseded(by: MemberID)
        /// The word that this node leaves is spread: the process may end.
        case left
    }

    package enum Join: Hashable, Sendable {
        /// Not started. → joining, alone
        case waiting
        /// → joined, alone
        case joining(until: Moment)
        /// Nobody else was there to join, or to be found. → joined
        case alone
        case joined
    }
}

/// Every bound and every wait of the control plane. Times are in microseconds.
package struct ControlPlaneLimits: Hashable, Sendable {
    /// How long a node that is told to join waits for the flock before it goes on alone.
    package var joinPatience: Int64 = 10_000_000
    /// How often the names of the seeds are looked up again, for ever.
    package var resolveInterval: Int64 = 30_000_000
    /// Other flocks remembered, so that each is told of once.
    package var strangersMax = 64

    package init() {}
}
