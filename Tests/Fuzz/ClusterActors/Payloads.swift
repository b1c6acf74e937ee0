import LogFormat
package import NIOCore

/// What is inside messages between nodes, for a fuzzer that sees no more of them than their bytes.
package enum Payloads {
    package static func request(role: String, number: UInt16, arguments: [UInt8]) -> ByteBuffer {
        var writer = ByteWriter()
        writer.write(bytes: arguments)
        return RequestBytes.encode(role: role, number: number, arguments: writer)
    }

    /// - Returns: it written again, nil if it is none.
    package static func request(_ payload: ByteBuffer) -> ByteBuffer? {
        guard let request = try? RequestBytes(decoding: payload) else { return nil }
        return self.request(
            role: request.role, number: request.number, arguments: Array(request.arguments.readableBytesView))
    }

    package static func failure(_ error: ClusterActorError) -> ByteBuffer {
        FailureBytes.encode(error, version: "0.1.0")
    }

    package static func failure(_ payload: ByteBuffer) -> ClusterActorError {
        FailureBytes.decode(payload, from: "n0#1/scoring")
    }
}
