import NIOCore
import NIOPosix
import Synchronization
import Telemetry

/// Accepts the connections of other nodes, and runs what they ask for as children of one task.
final class PeerListener: Sendable {
    private struct State {
        var connections: [ObjectIdentifier: NIOLoopBound<InboundConnection>] = [:]
        var isStopping = false
    }

    private let shared: TransportContext
    private let channel: Mutex<(any Channel)?> = Mutex(nil)
    private let state = Mutex(State())
    private let calls: AsyncStream<InboundCall>.Continuation
    private let serving: Task<Void, Never>
    /// Ends when the last connection is closed after a stop.
    private let drained: AsyncStream<Never>
    private let drainedEnd: AsyncStream<Never>.Continuation

    init(_ shared: TransportContext, serve: @escaping @Sendable (InboundCall) async -> Void) {
        self.shared = shared
        let (requests, calls) = AsyncStream<InboundCall>.makeStream(
            bufferingPolicy: .bufferingOldest(PeerLimits.requestsMax))
        self.calls = calls
        (drained, drainedEnd) = AsyncStream.makeStream()
        // Awaited by `shutdown`.
        serving = Task(name: "calls of other nodes") {
            await withDiscardingTaskGroup { group in
                for await call in requests {
                    group.addTask { await serve(call) }
                }
            }
        }
    }

    /// - Returns: the port, which the system chose if `port` is 0.
    func bind(host: String, port: Int, on group: any EventLoopGroup) async throws -> Int {
        var bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: PeerLimits.backlog)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.writeBufferWaterMark, value: .peers)
            .childChannelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture { try accept(channel) }
            }
        for (option, value) in PeerSocket.options { bootstrap = bootstrap.childChannelOption(option, value: value) }
        let channel = try await bootstrap.bind(host: host, port: port).get()
        self.channel.withLock { $0 = channel }
        return channel.localAddress?.port ?? port
    }

    private func accept(_ channel: any Channel) throws {
        let connection = InboundConnection(
            shared, loop: channel.eventLoop, remote: channel.remoteAddress?.ipAddress ?? "?", calls: calls)
        let bound = NIOLoopBound(connection, eventLoop: channel.eventLoop)
        let key = ObjectIdentifier(connection)
        let hasRoom = state.withLock { state in
            guard !state.isStopping, state.connections.count < shared.settings.connectionsMax else { return false }
            state.connections[key] = bound
            return true
        }
        guard hasRoom else {
            shared.countTooMany()
            return channel.close(promise: nil)
        }
        channel.closeFuture.whenComplete { [self] _ in forget(key) }
        let handler = ConnectionHandler(
            session: try Session(.callee, own: shared.hello(), keys: shared.keys), owner: connection, shared)
        connection.attach(handler)
        try channel.pipeline.syncOperations.addHandler(handler)
    }

    private func forget(_ key: ObjectIdentifier) {
        let isLast = state.withLock { state in
            state.connections[key] = nil
            return state.isStopping && state.connections.isEmpty
        }
        if isLast { drainedEnd.finish() }
    }

    func renew(_ flock: FlockID) {
        onEach { $0.renew(flock) }
    }

    private func onEach(_ body: @escaping @Sendable (InboundConnection) -> Void) {
        for connection in state.withLock({ Array($0.connections.values) }) {
            connection.eventLoop.execute { body(connection.value) }
        }
    }

    /// Takes no more connections and requests, lets the replies of running ones leave while there is time, and ends.
    func shutdown() async {
        if let channel = channel.withLock({ $0 }) { try? await channel.close() }
        let isEmpty = state.withLock { state in
            state.isStopping = true
            return state.connections.isEmpty
        }
        if isEmpty { drainedEnd.finish() }
        onEach { $0.stop() }
        await withTaskGroup { group in
            group.addTask { [drained] in for await _ in drained {} }
            group.addTask { [time = shared.settings.drainTime] in try? await Task.sleep(for: time) }
            await group.next()
            group.cancelAll()
        }
        onEach { $0.close() }
        calls.finish()
        serving.cancel()
        await serving.value
    }
}
