package import NIOCore

/// What a frame carries. Numbers are frozen: nodes of several versions talk during an upgrade.
package enum FrameKind: UInt8, Sendable, CaseIterable {
    /// Both sides' first: who they are. Always in clear text.
    case hello = 1
    /// The callee's only answer to a hello it does not like. Always in clear text.
    case refusal = 2
    /// The caller's second: empty, it proves the key.
    case ready = 3
    case request = 4
    case reply = 5
    case failure = 6
    /// The caller waits no longer.
    case cancel = 7

    /// Only these may be longer than a frame.
    var mayHaveParts: Bool { self == .request || self == .reply || self == .failure }
}

/// The first bytes of every frame, little endian: length (4) of the whole frame, version, kind, flags, zero, id (8).
package struct FrameHeader: Hashable, Sendable {
    package static let bytes = 16
    package static let version: UInt8 = 1
    /// AES-GCM's tag behind a sealed payload.
    package static let tagBytes = 16
    package static let payloadBytesMax = PeerLimits.frameBytesMax - bytes - tagBytes

    package var kind: FrameKind
    package var isFirst: Bool
    package var isLast: Bool
    /// Ties the parts of a message together, and a reply to its request.
    package var id: UInt64

    package init(kind: FrameKind, isFirst: Bool = true, isLast: Bool = true, id: UInt64 = 0) {
        self.kind = kind
        self.isFirst = isFirst
        self.isLast = isLast
        self.id = id
    }

    var flags: UInt8 { (isFirst ? 1 : 0) | (isLast ? 2 : 0) }

    func write(length: Int, into buffer: inout ByteBuffer) {
        buffer.writeMultipleIntegers(
            UInt32(length), Self.version, kind.rawValue, flags, 0 as UInt8, id, endianness: .little)
    }
}

package struct Frame: Hashable, Sendable {
    package var header: FrameHeader
    package var payload: ByteBuffer

    package init(_ header: FrameHeader, _ payload: ByteBuffer) {
        self.header = header
        self.payload = payload
    }
}

/// A whole message: its frames put together.
package struct PeerMessage: Hashable, Sendable {
    package var kind: FrameKind
    package var id: UInt64
    package var payload: ByteBuffer

    package init(_ kind: FrameKind, id: UInt64 = 0, _ payload: ByteBuffer = ByteBuffer()) {
        self.kind = kind
        self.id = id
        self.payload = payload
    }
}

/// Why bytes of a peer are no frames. The connection ends: after one of these nothing that follows means anything.
package enum FrameError: Error, Hashable, Sendable, CustomStringConvertible {
    case badLength(Int)
    case otherVersion(UInt8)
    case unknownKind(UInt8)
    case badFlags(UInt8)
    /// Sealed with another key, changed on its way, repeated, or out of order.
    case badSeal
    case badParts(String)
    case tooLarge(what: String, max: Int)

    package var description: String {
        switch self {
        case .badLength(let length): "a frame of \(length) bytes (at most \(PeerLimits.frameBytesMax) are allowed)"
        case .otherVersion(let version): "frame version \(version), this node speaks \(FrameHeader.version)"
        case .unknownKind(let kind): "unknown frame kind \(kind)"
        case .badFlags(let flags): "frame flags \(flags) mean nothing here"
        case .badSeal: "a frame's seal does not open: another key, or it was changed on its way"
        case .badParts(let reason): "parts of a message out of order: \(reason)"
        case .tooLarge(let what, let max): "\(what): more than \(max) bytes"
        }
    }
}
