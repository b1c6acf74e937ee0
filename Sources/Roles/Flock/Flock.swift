package import ClusterActors
import ControlPlane
package import GossipTransport
package import HashRing
package import Logging
package import Membership
package import Synchronization
package import Telemetry

/// The control plane of this node: drives `ControlPlane` with the gossip's socket and the node's clock.
///
/// No decision is made here. What others need of it they read from a snapshot, without waiting for it: the data plane
/// never waits for the control plane.
package actor Flock {
    package struct Settings: Sendable {
        /// Who this node is: its name, where others find it, and which life of it this is.
        package var me: MemberID
        package var metadata: MemberMetadata
        /// What `--join` names: looked up again for ever.
        package var seeds: [Seed]

        package init(me: MemberID, metadata: MemberMetadata, seeds: [Seed]) {
            self.me = me
            self.metadata = metadata
            self.seeds = seeds
        }
    }

    /// Host (which may be a name, and stands for all its addresses) and port.
    package typealias Seed = MemberAddress

    let settings: Settings
    private let transport: GossipTransport
    private let system: ClusterActorSystem
    private let clock: NodeClock
    let logger: Logger
    private var plane: ControlPlane?
    private nonisolated let state: Mutex<FlockView>
    /// The newest alone counts.
    package nonisolated let rings: AsyncStream<Ring>
    private let ringsInput: AsyncStream<Ring>.Continuation
    private var ring = Ring([])
    private let lookUps: AsyncStream<Void>
    private let lookUpsInput: AsyncStream<Void>.Continuation
    private var ticksCount = 0
    private var hasLeft = false
    private var leaveWaiters: [CheckedContinuation<Void, Never>] = []
    /// Why this node must stop: another process has its name.
    package nonisolated let failure = Mutex<String?>(nil)

    /// How often the control plane looks at its deadlines.
    static let tickPeriod = Duration.milliseconds(100)
    /// Ticks between two looks for members that the table has forgotten.
    static let ticksPerLook = 1_000
    /// How long somebody who left is still called: it hands its slots over until it exits, in microseconds.
    static let leaverKept: Int64 = 5_000_000

    package init(
        settings: Settings, transport: GossipTransport, system: ClusterActorSystem, clock: NodeClock, logger: Logger
    ) {
        self.settings = settings
        self.transport = transport
        self.system = system
        self.clock = clock
        self.logger = logger
        state = Mutex(FlockView(me: Member(id: settings.me, revision: 0, status: .alive, metadata: settings.metadata)))
        (rings, ringsInput) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        (lookUps, lookUpsInput) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Runs until it is cancelled. Every wait of the control plane is a child of this task.
    ///
    /// - Parameter id: the flock's, or nil while no store has told it: then this node owns everything, alone.
    package func run(as id: FlockID) async {
        await withDiscardingTaskGroup { group in
            let seeds = await transport.resolve(settings.seeds)
            start(id, seeds)
            group.addTask { await self.tick() }
            group.addTask { await self.receive() }
            group.addTask { await self.lookUp() }
        }
        end()
    }

    private func start(_ id: FlockID, _ seeds: [MemberAddress]) {
        var random = SystemRandomNumberGenerator()
        system.setFlock(id)
        plane = ControlPlane(
            MembershipCore(id: settings.me, flock: id.high, metadata: settings.metadata, seed: random.next()))
        logger.info(
            "gossip", metadata: ["me": "\(settings.me)", "flock": "\(id)", "seeds": "\(seeds.map(\.description))"])
        step(.started(seeds: seeds, isToldToJoin: !settings.seeds.isEmpty))
    }

    private func tick() async {
        while (try? await Task.sleep(for: Self.tickPeriod)) != nil {
            step(.tick)
            forgetLeavers()
        }
    }

    private func receive() async {
        for await (message, address) in transport.messages { step(.received(message, from: address)) }
    }

    private func lookUp() async {
        for await _ in lookUps { step(.seedsResolved(await transport.resolve(settings.seeds))) }
    }

    /// Tells everybody that this node goes; returns when the word is spread, at once if there is nobody.
    package func leave() async {
        guard plane != nil, !hasLeft, !view.present.isEmpty, failure.withLock({ $0 }) == nil else { return }
        step(.leave)
        guard !hasLeft else { return }
        await withCheckedContinuation { leaveWaiters.append($0) }
    }

    /// Nobody waits for this actor any more.
    package func end() {
        hasLeft = true
        resumeLeaveWaiters()
        ringsInput.finish()
        lookUpsInput.finish()
    }

    private func resumeLeaveWaiters() {
        for waiter in leaveWaiters { waiter.resume() }
        leaveWaiters = []
    }

    /// As it stands now, for whoever asks.
    package nonisolated var view: FlockView { state.withLock { $0 } }

    // MARK: Driving the core

    private func step(_ event: ControlPlane.Event) {
        guard var effects = plane?.handle(event, now: clock.moment) else { return }
        let letters = effects.compactMap { effect in
            if case .send(let message, let address) = effect { (message, address) } else { nil }
        }
        if !letters.isEmpty { transport.send(letters) }
        effects.removeAll { if case .send = $0 { true } else { false } }
        for effect in effects { perform(effect) }
    }

    private func perform(_ effect: ControlPlane.Effect) {
        switch effect {
        case .send: break  // together, in `step`
        case .memberChanged(let member): note(member)
        case .ownersChanged(let owners):
            ring = Ring(owners, asIn: ring)
            state.withLock { $0.ring = ring }
            logger.info("ring", metadata: ["members": "\(owners.count)", "digest": "\(ring.digestText)"])
            ringsInput.yield(ring)
        case .resolveSeeds: lookUpsInput.yield()
        case .joinEnded(.joined): logger.notice("joined the flock", metadata: ["members": "\(view.present.count)"])
        case .joinEnded: logger.warning("nobody to join answered; this node goes on alone and keeps looking")
        case .strangerHeard(let flock, let address): nameStranger(flock, at: address)
        case .superseded(let other): giveWay(to: other)
        case .left: end()
        }
    }

    private func note(_ member: Member) {
        let (now, moment) = (clock.instant, clock.moment)
        let isNew = state.withLock { $0.note(member, at: now, moment) }
        if isNew {
            logger.notice(
                "a member is \(member.status.name)",
                metadata: ["member": "\(member.name)", "address": "\(member.id.address)"])
        }
        tellPeers()
    }

    private func forgetLeavers() {
        let now = clock.moment
        if state.withLock({ $0.forgetLeavers(before: now.advanced(byMicroseconds: -Self.leaverKept)) }) { tellPeers() }
        ticksCount += 1
        guard ticksCount % Self.ticksPerLook == 0, let table = plane?.membership else { return }
        state.withLock { $0.forgetGone { table.member($0) != nil } }
    }

    private func tellPeers() {
        system.setPeers(
            view.peers.map { member in
                Peer(
                    name: member.name, incarnation: member.id.incarnation, host: member.id.address.host,
                    port: member.id.address.port)
            })
    }

    private func nameStranger(_ flock: UInt64, at address: MemberAddress) {
        let theirs = String(flock, radix: 16)
        let isSeed = !view.present.contains { $0.id.address == address }
        let advice =
            isSeed
            ? "Do both nodes use the same --store? A node joins only the flock of its own store."
            : "A node of another flock has this node's address in its --join."
        logger.error(
            "\(address) belongs to another flock (store \(theirs)…): it is not joined. \(advice)",
            metadata: ["address": "\(address)", "flock": "\(theirs)"])
    }

    /// Two processes with one name would take each other's slots.
    private func giveWay(to other: MemberID) {
        let advice =
            other.address == settings.me.address
            ? "This machine's clock went back. Start the node again."
            : "Each node needs a name of its own: give this one another --name."
        let text = "a later process at \(other.address) is called \(other.name), too. \(advice)"
        failure.withLock { $0 = text }
        resumeLeaveWaiters()
        logger.critical("\(text)", metadata: ["incarnation": "\(other.incarnation)"])
    }
}

extension MemberStatus {
    package var name: String {
        switch self {
        case .alive: "alive"
        case .suspect: "suspect"
        case .dead: "dead"
        case .left: "left"
        }
    }
}

extension Ring {
    package var digestText: String { String(digest, radix: 16) }
}
