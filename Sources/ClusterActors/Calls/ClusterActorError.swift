/// Why a call to another node has no result. Each text says what to do next.
package enum ClusterActorError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Not among the peers that membership told of.
    case unknownNode(String)
    /// Dead, left, or started again: whatever was asked of it may or may not have happened.
    case nodeGone(String)
    /// No connection, and none for a while.
    case unreachable(String, reason: String)
    case refused(String, Refusal)
    /// The connection ended while the call was under way: it may or may not have happened.
    case connectionLost(String, reason: String)
    case deadlineExceeded(String, after: Duration)
    /// Too much is under way to that node, here or there.
    case overloaded(String)
    case unknownActor(String)
    case wrongType(String)
    /// The other node's program knows no call of that number.
    case unknownCall(UInt16, peerVersion: String)
    /// The caller's own mistake: the type or the call is in no table.
    case unregistered(String)
    case malformedCall(String)
    case malformedReply(String)
    case tooLarge(bytes: Int, max: Int)
    /// What the actor there threw, as text.
    case remote(String)
    case stopped

    package var description: String {
        switch self {
        case .unknownNode(let id): "\(id): no such node among the members; look at the ring again"
        case .nodeGone(let id): "\(id): that life of the node is over; call the slot's owner of now"
        case .unreachable(let id, let reason): "\(id): no connection (\(reason)); tried again with the next calls"
        case .refused(let id, let refusal): "\(id): connection refused: \(refusal)"
        case .connectionLost(let id, let reason):
            "\(id): the connection ended under the call (\(reason)); ask again, it may have happened"
        case .deadlineExceeded(let id, let time): "\(id): no answer within \(time); ask again, it may have happened"
        case .overloaded(let id): "\(id): too many calls or bytes under way to that node; slow down"
        case .unknownActor(let id): "\(id): that node runs no such actor"
        case .wrongType(let id): "\(id): an actor of another type has that name"
        case .unknownCall(let number, let version):
            "call \(number) is unknown to the other node, which runs version \(version); upgrade it"
        case .unregistered(let name): "\(name) is in no table of wire calls; register the actor's type at start"
        case .malformedCall(let reason): "call refused: \(reason)"
        case .malformedReply(let reason): "the reply cannot be read: \(reason); do the nodes run the same version?"
        case .tooLarge(let bytes, let max): "a message of \(bytes) bytes, at most \(max) are allowed; send less at once"
        case .remote(let text): "the other node failed: \(text)"
        case .stopped: "this node stops and makes no more calls"
        }
    }

    /// For the counters: one word, never a name of a peer.
    package var kind: String {
        switch self {
        case .unknownNode: "unknown_node"
        case .nodeGone: "node_gone"
        case .unreachable: "unreachable"
        case .refused: "refused"
        case .connectionLost: "connection_lost"
        case .deadlineExceeded: "deadline_exceeded"
        case .overloaded: "overloaded"
        case .unknownActor: "unknown_actor"
        case .wrongType: "wrong_type"
        case .unknownCall: "unknown_call"
        case .unregistered: "unregistered"
        case .malformedCall: "malformed_call"
        case .malformedReply: "malformed_reply"
        case .tooLarge: "too_large"
        case .remote: "remote"
        case .stopped: "stopped"
        }
    }
}

/// Why a connection between two nodes does not come to be. Numbers are frozen.
package enum Refusal: UInt8, Error, Hashable, Sendable, CaseIterable, CustomStringConvertible {
    case otherFlock = 1
    case otherProtocol = 2
    case unknownKey = 3
    case clearText = 4
    case sealedText = 5
    case stopping = 6
    case malformedHello = 7
    /// A reason that this version does not know.
    case other = 255

    package var description: String {
        switch self {
        case .otherFlock: "the nodes belong to different flocks (their stores differ)"
        case .otherProtocol: "the nodes speak different protocol versions"
        case .unknownKey: "the callee does not have the caller's cluster key; add it behind its own first"
        case .clearText: "the caller has no cluster key, the callee demands one"
        case .sealedText: "the caller has a cluster key, the callee has none"
        case .stopping: "the node stops"
        case .malformedHello: "the hello cannot be read"
        case .other: "a reason that this version does not know"
        }
    }

    /// For the counters.
    package var kind: String {
        switch self {
        case .otherFlock: "other_flock"
        case .otherProtocol: "other_protocol"
        case .unknownKey: "unknown_key"
        case .clearText: "clear_text"
        case .sealedText: "sealed_text"
        case .stopping: "stopping"
        case .malformedHello: "malformed_hello"
        case .other: "other"
        }
    }
}
