package import Distributed
package import LogFormat
package import NIOCore

/// Writes the arguments of one call, in order.
package struct ClusterCallEncoder: DistributedTargetInvocationEncoder {
    package typealias SerializationRequirement = any WireValue
    package private(set) var arguments = ByteWriter()
    private(set) var argumentsCount = 0

    package init() {}

    package mutating func recordGenericSubstitution<T>(_ type: T.Type) throws {
        throw ClusterActorError.malformedCall("generic calls have no place on the wire")
    }

    package mutating func recordArgument<Value: WireValue>(_ argument: RemoteCallArgument<Value>) throws {
        try argument.value.encode(into: &arguments)
        argumentsCount += 1
    }

    package mutating func recordErrorType<E: Error>(_ type: E.Type) throws {}
    package mutating func recordReturnType<R: WireValue>(_ type: R.Type) throws {}
    package mutating func doneRecording() throws {}
}

/// Reads the arguments of one call, in order, from bytes of a stranger.
package struct ClusterCallDecoder: DistributedTargetInvocationDecoder {
    package typealias SerializationRequirement = any WireValue
    private var bytes: ByteBuffer
    /// Arguments still to come, as the called method has them; the bytes must end with the last.
    private var left: Int?

    package init(_ bytes: [UInt8]) {
        self.init(ByteBuffer(bytes: bytes), argumentsCount: nil)
    }

    /// - Parameter argumentsCount: nil takes as many as are asked for, and does not look at what follows.
    package init(_ bytes: ByteBuffer, argumentsCount: Int?) {
        self.bytes = bytes
        left = argumentsCount
    }

    package mutating func decodeGenericSubstitutions() throws -> [any Any.Type] { [] }

    package mutating func decodeNextArgument<Argument: WireValue>() throws -> Argument {
        let isLast = left == 1
        let (result, length) = bytes.withUnsafeReadableBytes { raw in
            var reader = ByteReader(raw)
            let result = Result { () throws(FormatError) in
                let argument = try Argument(decoding: &reader)
                if isLast { try reader.expectEnd() }
                return argument
            }
            return (result, reader.offset)
        }
        let argument = try result.get()
        bytes.moveReaderIndex(forwardBy: length)
        left = left.map { $0 - 1 }
        return argument
    }

    package mutating func decodeErrorType() throws -> (any Any.Type)? { nil }
    package mutating func decodeReturnType() throws -> (any Any.Type)? { nil }
}

/// Takes the outcome of a call that came from another node.
package struct ClusterReplyHandler: DistributedTargetInvocationResultHandler {
    package typealias SerializationRequirement = any WireValue
    private let reply: @Sendable (Result<ByteBuffer, any Error>) -> Void

    package init(reply: @escaping @Sendable (Result<ByteBuffer, any Error>) -> Void) {
        self.reply = reply
    }

    package func onReturn<Success: WireValue>(value: Success) async throws {
        var writer = ByteWriter()
        do {
            try value.encode(into: &writer)
            reply(.success(writer.withUnsafeBytes { ByteBuffer(bytes: $0) }))
        } catch {
            reply(.failure(ClusterActorError.remote("the result cannot be sent: \(error)")))
        }
    }

    package func onReturnVoid() async throws {
        reply(.success(ByteBuffer()))
    }

    package func onThrow<Err: Error>(error: Err) async throws {
        reply(.failure(error))
    }
}
