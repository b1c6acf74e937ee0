import LogFormat
package import NIOCore
package import Telemetry

/// How each side of a connection says who it is. Fields are only ever added at the end: a reader skips what it does not
/// know, so that nodes of two versions can at least tell each other why they do not get along.
package struct Hello: Hashable, Sendable {
    package static let magic: UInt64 = 0x676E_696C_7261_7473
    /// Raised when a node of the old version would misread the new one.
    package static let protocolVersion: UInt16 = 1

    package var protocolVersion = Self.protocolVersion
    /// Nil until the node has seen its store.
    package var flock: FlockID?
    package var node: String
    package var incarnation: UInt64
    /// Of the program, for people.
    package var version: String
    /// The key that seals this connection, by its hint; nil for clear text. The caller chooses.
    package var keyHint: UInt32?
    /// 16 random bytes, new for every connection.
    package var random: FlockID

    package init(
        flock: FlockID?, node: String, incarnation: UInt64, version: String, keyHint: UInt32? = nil,
        random: FlockID = FlockID(high: 0, low: 0)
    ) {
        self.flock = flock
        self.node = node
        self.incarnation = incarnation
        self.version = version
        self.keyHint = keyHint
        self.random = random
    }

    package func encoded() -> ByteBuffer {
        var writer = ByteWriter()
        writer.write(Self.magic)
        writer.write(protocolVersion)
        writer.write((flock == nil ? 0 : 1) | (keyHint == nil ? 0 : 2) as UInt8)
        writer.write(flock?.high ?? 0)
        writer.write(flock?.low ?? 0)
        writer.write(string: node)
        writer.write(incarnation)
        writer.write(string: version)
        writer.write(keyHint ?? 0)
        writer.write(random.high)
        writer.write(random.low)
        return writer.withUnsafeBytes { ByteBuffer(bytes: $0) }
    }

    package init(decoding payload: ByteBuffer) throws(Refusal) {
        let result = payload.withUnsafeReadableBytes { raw in
            Result { () throws(FormatError) in
                var reader = ByteReader(raw)
                return try Hello(reading: &reader)
            }
        }
        switch result {
        case .success(let hello): self = hello
        case .failure: throw .malformedHello
        }
    }

    private init(reading reader: inout ByteReader) throws(FormatError) {
        guard try reader.readUInt64() == Self.magic else { throw .invalid(what: "magic") }
        protocolVersion = try reader.readUInt16()
        let flags = try reader.readUInt8()
        let flock = FlockID(high: try reader.readUInt64(), low: try reader.readUInt64())
        self.flock = flags & 1 == 0 ? nil : flock
        node = try reader.readString("node name", utf8CountMax: PeerLimits.nameBytesMax)
        incarnation = try reader.readUInt64()
        version = try reader.readString("version", utf8CountMax: PeerLimits.nameBytesMax)
        let hint = try reader.readUInt32()
        keyHint = flags & 2 == 0 ? nil : hint
        random = FlockID(high: try reader.readUInt64(), low: try reader.readUInt64())
    }
}
