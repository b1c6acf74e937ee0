import NIOCore
import Telemetry

/// A request of another node on its way to an actor of this one.
struct InboundCall: Sendable {
    let id: UInt64
    let payload: ByteBuffer
    fileprivate let connection: NIOLoopBound<InboundConnection>
    fileprivate let loop: any EventLoop

    /// The first answer counts.
    func answer(_ message: PeerMessage) {
        loop.execute { [connection] in connection.value.answer(message) }
    }
}

/// The callee's end of one connection. Touched on its loop alone.
final class InboundConnection: ConnectionOwner {
    private let shared: TransportContext
    private let loop: any EventLoop
    private let remote: String
    private let calls: AsyncStream<InboundCall>.Continuation
    private weak var handler: ConnectionHandler?
    private var peer: Hello?
    private struct Running {
        let bytes: Int
        /// False when the caller waits no longer.
        var isWanted = true
    }

    /// Requests that were not answered yet.
    private var running: [UInt64: Running] = [:]
    private var runningBytes = 0
    private var isStopping = false

    init(
        _ shared: TransportContext, loop: any EventLoop, remote: String,
        calls: AsyncStream<InboundCall>.Continuation
    ) {
        self.shared = shared
        self.loop = loop
        self.remote = remote
        self.calls = calls
    }

    func attach(_ handler: ConnectionHandler) {
        self.handler = handler
    }

    /// Takes no more requests, and closes when the last reply has left.
    func stop() {
        isStopping = true
        if running.isEmpty { handler?.finish() }
    }

    func close() {
        handler?.abandon()
    }

    func renew(_ flock: FlockID) {
        guard let peer, peer.flock != flock else { return }
        handler?.abandon()
    }

    // MARK: The connection

    func established(with peer: Hello, on handler: ConnectionHandler) {
        self.peer = peer
        shared.counters.add { $0.connectionsAccepted += 1 }
    }

    func received(_ message: PeerMessage, on handler: ConnectionHandler) {
        guard message.kind == .request else {
            running[message.id]?.isWanted = false
            handler.drop(message.id)
            return
        }
        guard running[message.id] == nil else {
            return handler.fail(.frame(.badParts("request \(message.id) comes twice")))
        }
        guard handler.outboxCount <= PeerLimits.repliesMax else {
            return handler.fail(.frame(.tooLarge(what: "replies that nobody reads", max: PeerLimits.repliesMax)))
        }
        if isStopping { return refuse(message.id, .stopped) }
        let bytes = message.payload.readableBytes
        guard running.count + handler.outboxCount < shared.settings.runningMax,
            runningBytes + bytes <= PeerLimits.requestsBytesMax,
            handler.outboxBytes <= PeerLimits.repliesBytesMax
        else { return refuse(message.id, .overloaded(shared.node)) }
        running[message.id] = Running(bytes: bytes)
        runningBytes += bytes
        let call = InboundCall(
            id: message.id, payload: message.payload, connection: NIOLoopBound(self, eventLoop: loop), loop: loop)
        switch calls.yield(call) {
        case .enqueued: break
        case .dropped, .terminated: answer(failure(message.id, .overloaded(shared.node)))
        @unknown default: break
        }
    }

    func ended(_ end: ConnectionEnd, on handler: ConnectionHandler) {
        shared.count(end, of: peer.map { "\($0.node)#\($0.incarnation)" } ?? remote)
    }

    // MARK: Replies

    fileprivate func answer(_ message: PeerMessage) {
        guard let request = running.removeValue(forKey: message.id) else { return }
        runningBytes -= request.bytes
        if request.isWanted { handler?.send(message) }
        if isStopping, running.isEmpty { handler?.finish() }
    }

    private func refuse(_ id: UInt64, _ error: ClusterActorError) {
        shared.counters.add { $0.requestsRefused[error.kind, default: 0] += 1 }
        handler?.send(failure(id, error))
    }

    private func failure(_ id: UInt64, _ error: ClusterActorError) -> PeerMessage {
        PeerMessage(.failure, id: id, FailureBytes.encode(error, version: shared.version))
    }
}
