package import Distributed
package import LogFormat

/// Writes the arguments of one call, in order.
package struct ClusterCallEncoder: DistributedTargetInvocationEncoder {
    package typealias SerializationRequirement = any WireValue
    package private(set) var arguments = ByteWriter()

    package init() {}

    package mutating func recordGenericSubstitution<T>(_ type: T.Type) throws {
        throw ClusterActorError.malformedCall("generic calls have no place on the wire")
    }

    package mutating func recordArgument<Value: WireValue>(_ argument: RemoteCallArgument<Value>) throws {
        try argument.value.encode(into: &arguments)
    }

    package mutating func recordErrorType<E: Error>(_ type: E.Type) throws {}
    package mutating func recordReturnType<R: WireValue>(_ type: R.Type) throws {}
    package mutating func doneRecording() throws {}
}

/// Reads the arguments of one call, in order, from bytes of a stranger.
package struct ClusterCallDecoder: DistributedTargetInvocationDecoder {
    package typealias SerializationRequirement = any WireValue
    private let bytes: [UInt8]
    private var offset = 0

    package init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    package mutating func decodeGenericSubstitutions() throws -> [any Any.Type] { [] }

    package mutating func decodeNextArgument<Argument: WireValue>() throws -> Argument {
        try bytes.withUnsafeBytes { buffer in
            var reader = ByteReader(UnsafeRawBufferPointer(rebasing: buffer[offset...]))
            let argument = try Argument(decoding: &reader)
            offset += reader.offset
            return argument
        }
    }

    package mutating func decodeErrorType() throws -> (any Any.Type)? { nil }
    package mutating func decodeReturnType() throws -> (any Any.Type)? { nil }
}

/// Takes the outcome of a call that came from another node.
package struct ClusterReplyHandler: DistributedTargetInvocationResultHandler {
    package typealias SerializationRequirement = any WireValue
    private let reply: @Sendable (Result<[UInt8], any Error>) -> Void

    package init(reply: @escaping @Sendable (Result<[UInt8], any Error>) -> Void) {
        self.reply = reply
    }

    package func onReturn<Success: WireValue>(value: Success) async throws {
        var writer = ByteWriter()
        try value.encode(into: &writer)
        reply(.success(writer.bytes))
    }

    package func onReturnVoid() async throws {
        reply(.success([]))
    }

    package func onThrow<Err: Error>(error: Err) async throws {
        reply(.failure(error))
    }
}
