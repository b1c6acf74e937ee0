import ClusterKeys
import ControlPlane
import GossipTransport
import Logging
import Membership
import Synchronization
import Telemetry

/// A node that is only its membership: the core and the socket of the real one, ticked by a task.
actor RealNode {
    /// What others may look at without waiting for the node.
    struct View {
        var rows: [String: Member] = [:]
        var digest: UInt64 = 0
        var presentCount = 1
        /// Told dead here, by name.
        var deaths: [String: Int] = [:]
        /// Nil before the first event.
        var counts: MembershipCore.Counts?
        var hasLeft = false
    }

    static let tick = Duration.milliseconds(100)

    nonisolated let name: String
    nonisolated let address: MemberAddress
    nonisolated let transport: GossipTransport
    private nonisolated let box = Mutex(View())
    private var plane: ControlPlane
    private let network: RealNetwork
    private let seeds: [MemberAddress]
    private var isFrozen = false
    private var thaws: [CheckedContinuation<Void, Never>] = []

    init(
        name: String, address: MemberAddress, transport: GossipTransport, seeds: [MemberAddress], seed: UInt64,
        network: RealNetwork
    ) {
        self.name = name
        self.address = address
        self.transport = transport
        self.seeds = seeds
        self.network = network
        let id = MemberID(name: name, address: address, incarnation: UInt64(WallClock.microseconds()))
        let metadata = MemberMetadata(httpAddress: "127.0.0.1:\(8_080 + Int(seed % 1_000))", version: "0.4.0")
        plane = ControlPlane(MembershipCore(id: id, flock: 0x5EED_F10C, metadata: metadata, seed: seed))
    }

    nonisolated var view: View { box.withLock { $0 } }

    nonisolated func look<Value>(_ body: (View) -> Value) -> Value { box.withLock { body($0) } }

    nonisolated func forgetDeaths() { box.withLock { $0.deaths = [:] } }

    /// Until the socket is closed and the task cancelled.
    func run() async {
        handle(.started(seeds: seeds, isToldToJoin: !seeds.isEmpty))
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [self] in
                while (try? await Task.sleep(for: Self.tick)) != nil { await tick() }
            }
            group.addTask { [self] in
                for await (message, from) in transport.messages { await receive(message, from) }
            }
            await group.waitForAll()
        }
    }

    func leave() { handle(.leave) }

    func change(load: UInt16) {
        var metadata = plane.membership.me.metadata
        metadata.load = load
        handle(.metadataChanged(metadata))
    }

    // MARK: Standing still

    func freeze() { isFrozen = true }

    func thaw() {
        isFrozen = false
        for thaw in thaws { thaw.resume() }
        thaws = []
    }

    private func tick() {
        guard !isFrozen else { return }
        handle(.tick)
    }

    private func receive(_ message: Message, _ from: MemberAddress) async {
        while isFrozen { await withCheckedContinuation { thaws.append($0) } }
        handle(.received(message, from: from))
    }

    // MARK: The core

    private func handle(_ event: ControlPlane.Event) {
        let effects = plane.handle(event, now: MonotonicClock.moment())
        var sends: [(Message, MemberAddress)] = []
        var lost: [MemberAddress: Bool] = [:]
        var changed: [Member] = []
        var hasLeft = false
        for effect in effects {
            switch effect {
            case .send(let message, let to):
                // What goes to one address at once is one datagram, carried or lost as a whole.
                let isLost = lost[to] ?? !network.carries(from: address, to: to)
                lost[to] = isLost
                if !isLost { sends.append((message, to)) }
            case .memberChanged(let member): changed.append(member)
            case .left: hasLeft = true
            case .resolveSeeds, .ownersChanged, .joinEnded, .strangerHeard, .superseded: break
            }
        }
        if !sends.isEmpty { transport.send(sends) }
        show(changed, hasLeft: hasLeft)
    }

    private func show(_ changed: [Member], hasLeft: Bool) {
        let membership = plane.membership
        box.withLock { view in
            for member in changed {
                view.rows[member.name] = member
                if member.status == .dead { view.deaths[member.name, default: 0] += 1 }
            }
            view.digest = membership.digest
            view.presentCount = membership.presentCount
            view.counts = membership.counts
            if hasLeft { view.hasLeft = true }
        }
    }
}
