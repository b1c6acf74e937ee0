package import Telemetry

/// Who is in the flock: SWIM (Das, Gupta, Motivala 2002) with Lifeguard (Dadgar, Phillips, Currey 2018).
///
/// A value without a clock, a socket or randomness of its own: the same events give the same effects. The node drives
/// it, and so does a virtual network that looks for the schedule that breaks what follows.
///
/// ## How to drive it
///
/// Begin with `started`; give it a `tick` about ten times a second, and every message as it comes. Send what it says,
/// in order; a message may be lost, late, doubled or out of order, and an address that is full is a lost message.
///
/// ## What holds
///
/// 1. **Rows only grow.** A row is replaced by one that `supersedes` it and by nothing else, so the order of messages
///    does not matter. Only a member raises its own revision: that is how it refutes.
/// 2. **Nobody dies unasked.** A silent member is suspected first and told so in the first ping that reaches it. Five
///    observers try it at once; the more agree, the shorter it has to answer.
/// 3. **Own weakness first.** Missing answers and nacks, refuted suspicions and standstills lengthen this node's own
///    waits. After a standstill no wait ends that began before it.
/// 4. **Tables meet.** Every message has a digest of the sender's table; where it differs the parts that differ are
///    pulled at once, both ways. What a table calls dead is only suspected here, until it had time to refute.
/// 5. **Nothing is given up.** The gone and the seeds are pinged for ever, at a low rate: every partition heals. Others
///    are asked of the dead as often: digests are of the present, and word that a member left reaches once only.
/// 6. **The later life wins.** Of two processes of one name the one that started later is the member; the other learns
///    it (`superseded`) and is silent from then on.
package struct MembershipCore: Hashable, Sendable {
    package let limits: MembershipLimits
    package let flock: UInt64
    /// This node's own row.
    package internal(set) var me: Member
    package internal(set) var phase = Phase.waiting
    package internal(set) var counts = Counts()

    // The table: rows in the order in which they came, where each name is, and the rows in the order of their points.
    var rows: [Row] = []
    var places: [String: Int] = [:]
    var ring: [Int] = []
    /// Rows that are suspected.
    var suspects: [Int] = []
    package internal(set) var partDigests = [UInt64](repeating: 0, count: MembershipLimits.partsCount)
    /// Of all present members, this node's own included. Equal digests mean equal tables.
    package internal(set) var digest: UInt64 = 0
    package internal(set) var presentCount = 1
    /// Raised whenever a row changes: as long as it is the same, so are `members`.
    package internal(set) var changesCount: UInt64 = 0
    let myPoint: UInt64
    let myPart: Int

    // Probing.
    var random: SeededGenerator
    var probes: [Probe] = []
    var relays: [Relay] = []
    var numbersCount: UInt64
    var probesCount: UInt64 = 0
    /// The successor is probed at the next tick: the one before it was just suspected.
    var isSuccessorDue = false
    var round: [Int] = []
    var nextProbeAt = Moment(microseconds: .min)
    var nextGoneProbeAt = Moment(microseconds: .min)
    var lastSeedProbeAt = Moment(microseconds: 0)
    var nextForgetAt = Moment(microseconds: .min)
    var seeds: [MemberAddress] = []
    var lastTick: Moment?
    /// The local health multiplier of Lifeguard, less one: 0 is healthy.
    package internal(set) var health = 0

    // News.
    var news = NewsQueue()
    var nextGossipAt = Moment(microseconds: .min)
    var nextPullAt = Moment(microseconds: .min)
    var nextStrangerAnswersAt = Moment(microseconds: .min)
    var strangerAnswersLeft = 0

    /// - Parameters:
    ///   - incarnation: in `id`, larger than at every former start under this name.
    ///   - seed: of this node's draws; different on every node.
    package init(
        id: MemberID, flock: UInt64, metadata: MemberMetadata = MemberMetadata(), seed: UInt64,
        limits: MembershipLimits = MembershipLimits()
    ) {
        self.limits = limits
        self.flock = flock
        me = Member(id: id, revision: 0, status: .alive, metadata: metadata)
        myPoint = Member.point(of: id.name)
        myPart = Self.part(of: myPoint)
        random = SeededGenerator(seed: seed)
        // An answer to the process that was here before must not look like one to this process.
        numbersCount = UInt64(random.draw(below: Self.firstNumbersCount))
        digest = me.digest
        partDigests[myPart] = digest
    }

    package mutating func handle(_ event: Event, now: Moment) -> [Effect] {
        var effects: [Effect] = []
        switch event {
        case .started(let addresses):
            guard phase == .waiting else { break }
            phase = .running
            nextProbeAt = now.advanced(byMicroseconds: draw(limits.probeInterval))
            nextGoneProbeAt = now.advanced(byMicroseconds: draw(limits.goneProbeInterval))
            lastSeedProbeAt = now.advanced(byMicroseconds: -limits.joinInterval)
            announceMyself()
            resolve(addresses, now)
            probeSeeds(now, &effects)
        case .seedsResolved(let addresses): resolve(addresses, now)
        case .received(let message, let from): receive(message, from: from, now, &effects)
        case .metadataChanged(let metadata):
            guard metadata != me.metadata, me.status == .alive else { break }
            me.metadata = metadata
            reviseMyself(above: me.revision)
        case .leave: leave(now, &effects)
        case .tick: tick(now, &effects)
        }
        if phase.speaks { gossip(now, &effects) }
        return effects
    }

    private mutating func tick(_ now: Moment, _ effects: inout [Effect]) {
        guard phase.speaks else { return }
        noticeStandstill(now)
        lastTick = now
        if case .leaving(let until) = phase, now >= until {
            phase = .left
            effects.append(.left)
            return
        }
        moveProbes(now, &effects)
        moveRelays(now, &effects)
        endSuspicions(now, &effects)
        guard phase == .running else { return }
        remindSuspects(now, &effects)
        probeNext(now, &effects)
        probeGone(now, &effects)
        probeSeeds(now, &effects)
        forgetOld(now)
    }

    private mutating func leave(_ now: Moment, _ effects: inout [Effect]) {
        guard phase == .running else { return }
        phase = .leaving(until: now.advanced(byMicroseconds: limits.leaveLinger))
        changeMyself { $0.status = .left }
        announceMyself()
        // It happens once: those told at once need not wait for others to say it.
        for member in drawMembers(limits.leaveTellsMax, except: nil, { $0.isPresent }) {
            send(.gossip, to: member.address, about: nil, introduces: true, &effects)
        }
    }

    private mutating func resolve(_ addresses: [MemberAddress], _ now: Moment) {
        seeds = Array(Set(addresses).subtracting([me.id.address]).sorted().prefix(limits.seedsMax))
    }

    mutating func draw(_ bound: Int64) -> Int64 {
        Int64(random.draw(below: Int(max(1, bound))))
    }
}

extension MembershipCore {
    package enum Event: Hashable, Sendable {
        case started(seeds: [MemberAddress])
        /// The names of the seeds were looked up again.
        case seedsResolved([MemberAddress])
        case received(Message, from: MemberAddress)
        case tick
        case leave
        case metadataChanged(MemberMetadata)
    }

    package enum Effect: Hashable, Sendable {
        case send(Message, to: MemberAddress)
        /// A row is new or was replaced; not told of this node's own.
        case memberChanged(Member)
        /// A later process has this node's name: stop, or start again with a larger incarnation.
        case superseded(by: MemberID)
        /// The word is spread: the process may end.
        case left
    }

    package enum Phase: Hashable, Sendable {
        /// → running
        case waiting
        /// → leaving, superseded
        case running
        /// Answers still. → left
        case leaving(until: Moment)
        case left
        case superseded

        var speaks: Bool {
            switch self {
            case .running, .leaving: true
            case .waiting, .left, .superseded: false
            }
        }
    }

    /// What was dropped or noticed, since the start.
    package struct Counts: Hashable, Sendable {
        /// Messages beyond a limit.
        package internal(set) var malformed = 0
        package internal(set) var ofOtherFlocks = 0
        package internal(set) var refutations = 0
        package internal(set) var suspicions = 0
        package internal(set) var standstills = 0
        /// Rows that found no room in the table.
        package internal(set) var refusedMembers = 0
        /// Pings or ping requests for which there was no room.
        package internal(set) var refusedProbes = 0
    }

    struct Row: Hashable, Sendable {
        var member: Member
        /// Where the name stands on the ring, the part of the table that it belongs to, and the row's share of digests.
        let point: UInt64
        let part: Int
        var digest: UInt64
        var suspicion: Suspicion?
        /// Since when the member is gone.
        var goneSince: Moment?
        /// News of this row that are waiting.
        var newsCount = 0
    }

    struct Suspicion: Hashable, Sendable {
        let since: Moment
        /// Moved by standstills: nobody dies sooner.
        var earliestEnd: Moment
        /// Sorted; the first and those that confirm it.
        var accusers: [String]
        let confirmationsWanted: Int
        /// When it is pinged again.
        var remindAt: Moment
    }

    /// Three bytes hold the numbers of a process's first days.
    static let firstNumbersCount = 1 << 20
}
