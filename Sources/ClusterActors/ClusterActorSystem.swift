package import Distributed
package import LogFormat
import Synchronization

/// What may travel between nodes: it writes itself to bytes and reads itself from bytes of a stranger, never trapping.
package protocol WireValue: Sendable {
    func encode(into writer: inout ByteWriter) throws(FormatError)
    init(decoding reader: inout ByteReader) throws(FormatError)
}

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
/// Calls to actors of this node never come here: the compiler runs them as plain actor calls. A flock of one has no
/// other node, so every other identity is unknown, and a call to one fails at once with an error that says so.
package final class ClusterActorSystem: DistributedActorSystem {
    package typealias ActorID = ClusterActorID
    package typealias SerializationRequirement = any WireValue
    package typealias InvocationEncoder = ClusterCallEncoder
    package typealias InvocationDecoder = ClusterCallDecoder
    package typealias ResultHandler = ClusterReplyHandler

    package let node: String
    package let incarnation: UInt64
    private let actors = Mutex<[ActorID: WeakActor]>([:])
    /// The identity for the actor that is being made: `assignID` gets no name from the language.
    @TaskLocal private static var nextRole: String?

    package init(node: String, incarnation: UInt64) {
        self.node = node
        self.incarnation = incarnation
    }

    /// Makes the node's actor of a role; inside `make`, the first distributed actor takes that name.
    package func start<Act: DistributedActor>(_ role: String, make: () -> Act) -> Act {
        Self.$nextRole.withValue(role) { make() }
    }

    package func id(of role: String) -> ActorID {
        ActorID(node: node, incarnation: incarnation, role: role)
    }

    package func resolve<Act: DistributedActor>(
        id: ActorID, as type: Act.Type
    ) throws -> Act? where Act.ID == ActorID {
        guard id.node == node, id.incarnation == incarnation else {
            throw ClusterActorError.unknownNode(id.description)
        }
        guard let found = actors.withLock({ $0[id]?.actor }) else {
            throw ClusterActorError.unknownActor(id.description)
        }
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

    package func makeInvocationEncoder() -> ClusterCallEncoder { ClusterCallEncoder() }

    package func remoteCall<Act: DistributedActor, Err: Error, Res: WireValue>(
        on actor: Act, target: RemoteCallTarget, invocation: inout ClusterCallEncoder, throwing: Err.Type,
        returning: Res.Type
    ) async throws -> Res where Act.ID == ActorID {
        throw ClusterActorError.unknownNode(actor.id.description)
    }

    package func remoteCallVoid<Act: DistributedActor, Err: Error>(
        on actor: Act, target: RemoteCallTarget, invocation: inout ClusterCallEncoder, throwing: Err.Type
    ) async throws where Act.ID == ActorID {
        throw ClusterActorError.unknownNode(actor.id.description)
    }
}

/// Held weakly: the node owns its actors, the system only finds them.
private struct WeakActor: Sendable {
    weak let actor: (any DistributedActor)?
}

package enum ClusterActorError: Error, Hashable, Sendable, CustomStringConvertible {
    case unknownNode(String)
    case unknownActor(String)
    case wrongType(String)
    case malformedCall(String)

    package var description: String {
        switch self {
        case .unknownNode(let id): "\(id): no connection to that node from here"
        case .unknownActor(let id): "\(id): that node runs no such actor"
        case .wrongType(let id): "\(id): an actor of another type has that name"
        case .malformedCall(let reason): "call refused: \(reason)"
        }
    }
}
