/// Why a datagram that came in was dropped.
package enum DatagramRefusal: String, Error, Hashable, Sendable, CaseIterable, CustomStringConvertible {
    /// More than a datagram of ours ever has.
    case oversized
    /// Not sealed, while this node has a cluster key.
    case clear
    /// Sealed, while this node has no cluster key.
    case sealed
    /// No key of this node opens it: another key, or changed on the way.
    case wrongKey = "wrong_key"
    /// Opened before, or older than what is remembered.
    case replay
    /// Of another version of the format.
    case otherVersion = "other_version"
    /// Not what it should be, whoever sealed it.
    case malformed

    package var description: String {
        switch self {
        case .oversized: "it is longer than any of ours: something else speaks to this port"
        case .clear: "it is not sealed; set the same --cluster-key on all nodes"
        case .sealed: "it is sealed and this node has no key; set the same --cluster-key on all nodes"
        case .wrongKey: "no cluster key of this node opens it; set the same --cluster-key on all nodes"
        case .replay: "it came before"
        case .otherVersion: "it is of another version of the program; run one version on all nodes"
        case .malformed: "it makes no sense"
        }
    }
}
