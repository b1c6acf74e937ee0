package import ClusterKeys
package import Distributed
import LogFormat
package import Logging
import NIOCore
import NIOPosix
import Synchronization
package import Telemetry

/// Names one actor of one node: the node by name and incarnation, the actor by its role there.
package struct ClusterActorID: Hashable, Sendable, CustomStringConvertible {
    package let node: String
    package let incarnation: UInt64
    /// `scoring`; one actor a role and node, so that an address can be told without asking.
    package let role: String

    package init(node: String, incarnation: UInt64, role: String) {
        self.node = node
        self.incarnation = incarnation
        self.role = role
    }

    package var description: String { "\(node)#\(incarnation)/\(role)" }
}

/// The runtime under the `distributed actor`s: finds actors of this node, and carries calls to those of others.
///
/// Calls to actors of this node never come here: the compiler runs them as plain actor calls. A call to another node
/// goes over one connection that this node made to it, and its reply comes back on the same one; what the other node
/// asks of this one has a connection of its own, made there. So neither direction waits for the other, nobody has to
/// settle who connects, and a connection has exactly one side that asks.
package final class ClusterActorSystem: DistributedActorSystem {
    package typealias ActorID = ClusterActorID
    package typealias SerializationRequirement = any WireValue
    package typealias InvocationEncoder = ClusterCallEncoder
    package typealias InvocationDecoder = ClusterCallDecoder
    package typealias ResultHandler = ClusterReplyHandler

    /// How long calls of a task wait for their answer; `withValue` sets it for the calls within.
    @TaskLocal package static var deadline = PeerLimits.deadline
    /// The identity for the actor that is being made: `assignID` gets no name from the language.
    @TaskLocal private static var nextRole: String?
    static let probed = ClusterActorID(node: "", incarnation: 0, role: "probed")

    package let node: String
    package let incarnation: UInt64
    let shared: TransportContext
    private let group: any EventLoopGroup
    private let actors = Mutex<[ActorID: WeakActor]>([:])
    let calls = Mutex(CallTables())
    private let peers = Mutex(Peers())
    private let listener = Mutex<PeerListener?>(nil)
    private let tickets = Atomic<UInt64>(0)
    private let recorder: CallRecorder?

    /// - Parameters:
    ///   - flock: nil until the node has seen its store; `setFlock` tells it then.
    ///   - keys: nil speaks clear text, and with nobody else.
    package init(
        node: String, incarnation: UInt64, version: String = "", flock: FlockID? = nil, keys: KeyRing? = nil,
        settings: PeerSettings = PeerSettings(),
        logger: Logger = Logger(label: "starling.actors") { _ in SwiftLogNoOpLogHandler() }
    ) {
        self.node = node
        self.incarnation = incarnation
        shared = TransportContext(
            node: node, incarnation: incarnation, version: version, flock: flock, keys: keys, settings: settings,
            logger: logger)
        group = MultiThreadedEventLoopGroup.singleton
        recorder = nil
    }

    /// A system that only takes down what is called on its stubs.
    init(recorder: CallRecorder) {
        node = ""
        incarnation = 1
        shared = TransportContext(
            node: "", incarnation: 1, version: "", flock: nil, keys: nil, settings: PeerSettings(),
            logger: Logger(label: "starling.actors") { _ in SwiftLogNoOpLogHandler() })
        group = MultiThreadedEventLoopGroup.singleton
        self.recorder = recorder
    }

    // MARK: Actors

    /// Makes the node's actor of a role; inside `make`, the first distributed actor takes that name.
    package func start<Act: DistributedActor>(_ role: String, make: () -> Act) -> Act {
        Self.$nextRole.withValue(role) { make() }
    }

    /// Says which type has a role, on all nodes of the flock: before the first call, from here or to here.
    /// - Precondition: the type's table is whole: each probe makes one call, no number and no call stands twice.
    package func register<Act: WireActor>(_ type: Act.Type, as role: String) async {
        precondition(role.utf8.count <= PeerLimits.roleBytesMax, "a role of \(role.utf8.count) bytes")
        let table = await WireTable(of: type)
        calls.withLock { $0.add(table, as: role) }
    }

    package func id(of role: String) -> ActorID {
        ActorID(node: node, incarnation: incarnation, role: role)
    }

    package func resolve<Act: DistributedActor>(
        id: ActorID, as type: Act.Type
    ) throws -> Act? where Act.ID == ActorID {
        guard id.node == node, id.incarnation == incarnation else {
            if recorder != nil { return nil }
            _ = try peer(of: id)
            return nil
        }
        guard let found = actor(id) else { throw ClusterActorError.unknownActor(id.description) }
        guard let act = found as? Act else { throw ClusterActorError.wrongType(id.description) }
        return act
    }

    package func assignID<Act: DistributedActor>(_ type: Act.Type) -> ActorID where Act.ID == ActorID {
        id(of: Self.nextRole ?? "\(type)".lowercased())
    }

    package func actorReady<Act: DistributedActor>(_ actor: Act) where Act.ID == ActorID {
        let id = actor.id
        actors.withLock { $0[id] = WeakActor(actor: actor) }
    }

    package func resignID(_ id: ActorID) {
        actors.withLock { $0[id] = nil }
    }

    func actor(_ id: ActorID) -> (any DistributedActor)? {
        actors.withLock { $0[id]?.actor }
    }

    // MARK: Peers

    /// Who else is in the flock, as membership tells: calls to nobody else are tried. The outstanding calls of those
    /// that are no longer in it fail at once.
    package func setPeers(_ list: [Peer]) {
        peers.withLock { peers in
            guard !peers.isOver else { return }
            var rest = peers.handles
            peers.handles = [:]
            for peer in list where peer.life != Peer.Life(name: node, incarnation: incarnation) {
                let known = rest.removeValue(forKey: peer.life) ?? peers.handles[peer.life]
                known?.onLoop { $0.move(to: peer) }
                peers.handles[peer.life] = known ?? PeerHandle(peer, shared, loop: group.next())
            }
            for (life, handle) in rest { handle.onLoop { $0.endForGood(.nodeGone(life.description)) } }
        }
    }

    /// The store told which flock this is. Connections of nodes that did not name the same one begin anew.
    package func setFlock(_ flock: FlockID) {
        guard shared.learn(flock) else { return }
        for handle in peers.withLock({ Array($0.handles.values) }) { handle.onLoop { $0.renew(flock) } }
        listener.withLock { $0 }?.renew(flock)
    }

    private func peer(of id: ActorID) throws(ClusterActorError) -> PeerHandle {
        let life = Peer.Life(name: id.node, incarnation: id.incarnation)
        let result = peers.withLock { peers -> Result<PeerHandle, ClusterActorError> in
            if let handle = peers.handles[life] { return .success(handle) }
            if peers.isOver { return .failure(.stopped) }
            let isOtherLife = peers.handles.keys.contains { $0.name == life.name }
            return .failure(isOtherLife ? .nodeGone(id.description) : .unknownNode(id.description))
        }
        return try result.get()
    }

    /// Accepts calls of other nodes from now on.
    /// - Returns: the port, which the system chose if `port` is 0.
    package func listen(host: String, port: Int) async throws -> Int {
        let new = PeerListener(shared) { [weak self] call in await self?.serve(call) }
        let isFirst = listener.withLock { listener in
            guard listener == nil else { return false }
            listener = new
            return true
        }
        precondition(isFirst, "\(node) listens already")
        do {
            return try await new.bind(host: host, port: port, on: group)
        } catch {
            listener.withLock { $0 = nil }
            await new.shutdown()
            throw error
        }
    }

    /// Accepts no more, sends the replies of what runs, for `PeerSettings.drainTime` at most, then ends all calls.
    package func shutdown() async {
        if let listener = listener.withLock({ $0 }) { await listener.shutdown() }
        let handles = peers.withLock { peers in
            defer { peers.handles = [:] }
            peers.isOver = true
            return Array(peers.handles.values)
        }
        for handle in handles { handle.onLoop { $0.endForGood(.stopped) } }
    }

    package var counters: ClusterActorCounters { shared.counters.snapshot }

    // MARK: Calls

    package func makeInvocationEncoder() -> ClusterCallEncoder { ClusterCallEncoder() }

    package func remoteCall<Act: DistributedActor, Err: Error, Res: WireValue>(
        on actor: Act, target: RemoteCallTarget, invocation: inout ClusterCallEncoder, throwing: Err.Type,
        returning: Res.Type
    ) async throws -> Res where Act.ID == ActorID {
        let reply = try await call(actor.id, ObjectIdentifier(Act.self), target.identifier, invocation)
        let result = reply.withUnsafeReadableBytes { raw in
            Result { () throws(FormatError) in
                try ByteReader.read(all: raw) { reader throws(FormatError) in try Res(decoding: &reader) }
            }
        }
        switch result {
        case .success(let value): return value
        case .failure(let error): throw counted(ClusterActorError.malformedReply("\(error)"))
        }
    }

    package func remoteCallVoid<Act: DistributedActor, Err: Error>(
        on actor: Act, target: RemoteCallTarget, invocation: inout ClusterCallEncoder, throwing: Err.Type
    ) async throws where Act.ID == ActorID {
        let reply = try await call(actor.id, ObjectIdentifier(Act.self), target.identifier, invocation)
        guard reply.readableBytes == 0 else {
            throw counted(ClusterActorError.malformedReply("\(reply.readableBytes) bytes where none belong"))
        }
    }

    private func call(
        _ id: ActorID, _ type: ObjectIdentifier, _ target: String, _ invocation: ClusterCallEncoder
    ) async throws -> ByteBuffer {
        if let recorder {
            recorder.record(target, argumentsCount: invocation.argumentsCount)
            throw ClusterActorError.stopped
        }
        shared.counters.add { $0.callsStarted += 1 }
        do {
            guard let number = calls.withLock({ $0.number(of: target, in: type) }) else {
                throw ClusterActorError.unregistered("\(id.role): \(target)")
            }
            let request = RequestBytes.encode(role: id.role, number: number, arguments: invocation.arguments)
            guard request.readableBytes <= PeerLimits.messageBytesMax else {
                throw ClusterActorError.tooLarge(bytes: request.readableBytes, max: PeerLimits.messageBytesMax)
            }
            let ticket = tickets.wrappingAdd(1, ordering: .relaxed).newValue
            let answer = try await peer(of: id).call(ticket, request, within: Self.deadline)
            guard answer.kind == .reply else { throw FailureBytes.decode(answer.payload, from: id.description) }
            shared.counters.add { $0.callsAnswered += 1 }
            return answer.payload
        } catch {
            throw counted(error)
        }
    }

    private func counted(_ error: any Error) -> any Error {
        let kind = (error as? ClusterActorError)?.kind ?? "cancelled"
        shared.counters.add { $0.callsFailed[kind, default: 0] += 1 }
        return error
    }
}

/// Held weakly: the node owns its actors, the system only finds them.
private struct WeakActor: Sendable {
    weak let actor: (any DistributedActor)?
}

private struct Peers {
    var handles: [Peer.Life: PeerHandle] = [:]
    var isOver = false
}

/// The tables of all types that are registered.
struct CallTables: Sendable {
    private var byType: [ObjectIdentifier: WireTable] = [:]
    private var byRole: [String: WireTable] = [:]

    mutating func add(_ table: WireTable, as role: String) {
        byType[table.type] = table
        byRole[role] = table
    }

    func number(of target: String, in type: ObjectIdentifier) -> UInt16? { byType[type]?.numbers[target] }
    func table(of role: String) -> WireTable? { byRole[role] }
}
