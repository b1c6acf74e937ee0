import ClusterKeys
import NIOCore
import NIOPosix
import Synchronization
import Telemetry

/// This node's calls to one life of another: at most one connection, made at the first call, on one event loop.
///
/// Touched on its loop alone: `PeerHandle` is the way in.
final class PeerLink {
    typealias Ticket = UInt64

    private enum State {
        case idle
        case connecting
        case open(ConnectionHandler, Hello)
        /// Calls fail at once with the reason of the last attempt.
        case backingOff(until: NIODeadline, ClusterActorError)
        /// The peer is gone, or this node stops.
        case over(ClusterActorError)
    }

    private enum Place { case waitingForRoom, waitingForConnection, sent }

    private struct Call {
        let request: ByteBuffer
        let deadline: NIODeadline
        let limit: Duration
        let continuation: CheckedContinuation<PeerMessage, any Error>
        var place: Place
    }

    private let life: Peer.Life
    private var address: (host: String, port: UInt16)
    private let context: TransportContext
    private let loop: any EventLoop
    private var state = State.idle
    private var failuresCount = 0
    private var calls: [Ticket: Call] = [:]
    /// In the order they came.
    private var waiters = CircularBuffer<Ticket>()
    private var ready = CircularBuffer<Ticket>()
    private var budget: CallBudget
    /// One timer for the earliest deadline of all.
    private var sweep: (at: NIODeadline, timer: Scheduled<Void>)?

    init(_ peer: Peer, _ context: TransportContext, loop: any EventLoop) {
        life = peer.life
        address = (peer.host, peer.port)
        self.context = context
        self.loop = loop
        budget = CallBudget(bytesMax: context.settings.budgetBytes)
    }

    func move(to peer: Peer) {
        address = (peer.host, peer.port)
    }

    /// Fails what is under way and every later call.
    func endForGood(_ error: ClusterActorError) {
        let old = state
        state = .over(error)
        if case .open(let handler, _) = old { handler.abandon() }
        failAll(error)
    }

    /// This node learned its flock: whoever did not name the same one says hello again.
    func renew(_ flock: FlockID) {
        guard case .open(let handler, let peer) = state, peer.flock != flock else { return }
        state = .idle
        handler.abandon()
        failAll(.connectionLost(life.description, reason: "this node learned its flock"))
    }

    // MARK: Calls

    func begin(
        _ ticket: Ticket, _ request: ByteBuffer, _ limit: Duration, _ slip: CallSlip,
        _ continuation: CheckedContinuation<PeerMessage, any Error>
    ) {
        if slip.isCancelled.load(ordering: .acquiring) { return continuation.resume(throwing: CancellationError()) }
        switch state {
        case .over(let error): return continuation.resume(throwing: error)
        case .backingOff(let until, let error) where NIODeadline.now() < until:
            return continuation.resume(throwing: error)
        case .idle, .connecting, .open, .backingOff: break
        }
        guard waiters.count < PeerLimits.waitersMax else {
            return continuation.resume(throwing: ClusterActorError.overloaded(life.description))
        }
        let deadline = NIODeadline.now() + TimeAmount(limit)
        calls[ticket] = Call(
            request: request, deadline: deadline, limit: limit, continuation: continuation, place: .waitingForRoom)
        waiters.append(ticket)
        admit()
        watch(deadline)
        connectIfNeeded()
    }

    func cancel(_ ticket: Ticket) {
        finish(ticket, .failure(CancellationError()), isGivenUp: true)
    }

    /// From room to connection to wire.
    private func admit() {
        while let ticket = waiters.first {
            guard let call = calls[ticket] else {
                waiters.removeFirst()
                continue
            }
            guard budget.take(call.request.readableBytes) else { break }
            waiters.removeFirst()
            calls[ticket]?.place = .waitingForConnection
            ready.append(ticket)
        }
        guard case .open(let handler, _) = state else { return }
        while let ticket = ready.popFirst() {
            guard let call = calls[ticket] else { continue }
            calls[ticket]?.place = .sent
            handler.send(PeerMessage(.request, id: ticket, call.request))
        }
    }

    private func finish(_ ticket: Ticket, _ result: Result<PeerMessage, any Error>, isGivenUp: Bool = false) {
        guard let call = calls.removeValue(forKey: ticket) else { return }
        if isGivenUp, call.place == .sent { giveUp(ticket) }
        if call.place != .waitingForRoom { budget.give(call.request.readableBytes) }
        call.continuation.resume(with: result)
        if !waiters.isEmpty { admit() }
    }

    /// Nobody waits for the answer: neither side works for it longer than it must.
    private func giveUp(_ ticket: Ticket) {
        guard case .open(let handler, _) = state else { return }
        handler.drop(ticket)
        handler.send(PeerMessage(.cancel, id: ticket))
    }

    private func failAll(_ error: ClusterActorError) {
        waiters.removeAll()
        ready.removeAll()
        let failed = calls
        calls = [:]
        sweep?.timer.cancel()
        sweep = nil
        for call in failed.values {
            if call.place != .waitingForRoom { budget.give(call.request.readableBytes) }
            call.continuation.resume(throwing: error)
        }
    }

    // MARK: Deadlines

    private func watch(_ deadline: NIODeadline) {
        if let sweep, sweep.at <= deadline { return }
        sweep?.timer.cancel()
        let timer = loop.assumeIsolated().scheduleTask(deadline: deadline) { self.sweepNow() }
        sweep = (deadline, timer)
    }

    private func sweepNow() {
        sweep = nil
        let now = NIODeadline.now()
        var next: NIODeadline?
        for (ticket, call) in calls {
            if call.deadline <= now {
                finish(ticket, .failure(expired(call)), isGivenUp: true)
            } else {
                next = min(next ?? call.deadline, call.deadline)
            }
        }
        if let next { watch(next) }
    }

    private func expired(_ call: Call) -> ClusterActorError {
        switch call.place {
        case .waitingForRoom: .overloaded(life.description)
        case .waitingForConnection, .sent: .deadlineExceeded(life.description, after: call.limit)
        }
    }

    // MARK: Connection

    private func connectIfNeeded() {
        switch state {
        case .idle, .backingOff: break
        case .connecting, .open, .over: return
        }
        guard !calls.isEmpty else { return }
        state = .connecting
        let link = NIOLoopBound(self, eventLoop: loop)
        var bootstrap = ClientBootstrap(group: loop)
            .connectTimeout(TimeAmount(context.settings.connectTime))
            .channelOption(.writeBufferWaterMark, value: .peers)
            // Before it is connected; for a name with several addresses once for each that is tried.
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try link.value.equip(channel) }
            }
        for (option, value) in PeerSocket.options { bootstrap = bootstrap.channelOption(option, value: value) }
        let connecting: EventLoopFuture<any Channel>
        if let address = try? SocketAddress(ipAddress: address.host, port: Int(address.port)) {
            connecting = bootstrap.connect(to: address)
        } else {
            connecting = bootstrap.connect(host: address.host, port: Int(address.port))
        }
        connecting.assumeIsolated().whenFailure { error in
            if case .connecting = self.state { self.lost(.io("\(error)"), wasEstablished: false) }
        }
    }

    private func equip(_ channel: any Channel) throws {
        let session = try Session(
            .caller(of: life.name, incarnation: life.incarnation), own: context.hello(), keys: context.keys)
        let handler = ConnectionHandler(session: session, owner: self, context)
        try channel.pipeline.syncOperations.addHandler(handler)
    }

    private func lost(_ end: ConnectionEnd, wasEstablished: Bool) {
        let error = explain(end, wasEstablished: wasEstablished)
        context.count(end, of: life.description)
        if wasEstablished {
            state = .idle
        } else {
            failuresCount += 1
            state = .backingOff(until: .now() + TimeAmount(TransportContext.backoff(failures: failuresCount)), error)
        }
        failAll(error)
    }

    private func explain(_ end: ConnectionEnd, wasEstablished: Bool) -> ClusterActorError {
        let name = life.description
        switch end {
        case .failed(.refusedByPeer(let refusal)), .failed(.refusing(let refusal)): return .refused(name, refusal)
        case .failed(.otherNode): return .nodeGone(name)
        case .failed(.frame(let error)): return .connectionLost(name, reason: "\(error)")
        case .failed(.unexpected(let kind)): return .connectionLost(name, reason: "it sent a \(kind) out of turn")
        case .silent: return .unreachable(name, reason: "it accepts connections and says nothing")
        case .io(let reason):
            return wasEstablished ? .connectionLost(name, reason: reason) : .unreachable(name, reason: reason)
        case .closed:
            return wasEstablished
                ? .connectionLost(name, reason: "closed by the other side")
                : .unreachable(name, reason: "closed by the other side before it said who it is")
        }
    }
}

extension PeerLink: ConnectionOwner {
    func established(with peer: Hello, on handler: ConnectionHandler) {
        guard case .connecting = state else { return handler.abandon() }
        state = .open(handler, peer)
        context.counters.add { $0.connectionsMade += 1 }
        admit()
    }

    func received(_ message: PeerMessage, on handler: ConnectionHandler) {
        failuresCount = 0
        finish(message.id, .success(message))
    }

    func ended(_ end: ConnectionEnd, on handler: ConnectionHandler) {
        switch state {
        case .open(let current, _) where current === handler: lost(end, wasEstablished: true)
        case .connecting: lost(end, wasEstablished: false)
        case .open, .idle, .backingOff, .over: break
        }
    }
}
