import LogFormat
import NIOCore

/// A request's payload: role, call number, then the arguments as they are.
struct RequestBytes {
    let role: String
    let number: UInt16
    let arguments: ByteBuffer

    static func encode(role: String, number: UInt16, arguments: ByteWriter) -> ByteBuffer {
        var head = ByteWriter(reserving: PeerLimits.roleBytesMax + 16)
        head.write(string: role)
        head.write(number)
        var buffer = ByteBufferAllocator().buffer(capacity: head.count + arguments.count)
        _ = head.withUnsafeBytes { buffer.writeBytes($0) }
        _ = arguments.withUnsafeBytes { buffer.writeBytes($0) }
        return buffer
    }

    init(decoding payload: ByteBuffer) throws(FormatError) {
        let result = payload.withUnsafeReadableBytes { raw in
            Result { () throws(FormatError) in
                var reader = ByteReader(raw)
                let role = try reader.readString("role", utf8CountMax: PeerLimits.roleBytesMax)
                return (role, try reader.readUInt16(), reader.offset)
            }
        }
        let offset: Int
        (role, number, offset) = try result.get()
        var arguments = payload
        arguments.moveReaderIndex(forwardBy: offset)
        self.arguments = arguments
    }
}

/// How an error travels: a code, then what belongs to it. Codes are frozen.
enum FailureBytes {
    private enum Code: UInt8 {
        case remote = 1
        case unknownActor = 2
        case unknownCall = 3
        case malformedCall = 4
        case overloaded = 5
        case stopping = 6
        case wrongType = 7
    }

    static func encode(_ error: any Error, version: String) -> ByteBuffer {
        var writer = ByteWriter()
        switch error as? ClusterActorError {
        case .unknownActor: writer.write(Code.unknownActor.rawValue)
        case .wrongType: writer.write(Code.wrongType.rawValue)
        case .unknownCall(let number, _):
            writer.write(Code.unknownCall.rawValue)
            writer.write(number)
            writer.write(string: cut(version, to: PeerLimits.nameBytesMax))
        case .malformedCall(let reason): write(reason, .malformedCall, to: &writer)
        case .overloaded: writer.write(Code.overloaded.rawValue)
        case .stopped: writer.write(Code.stopping.rawValue)
        case .remote(let text): write(text, .remote, to: &writer)
        case .some(let other): write(other.description, .remote, to: &writer)
        // Thrown while an argument was read: no actor throws this of itself.
        case nil where error is FormatError: write("\(error)", .malformedCall, to: &writer)
        case nil: write("\(error)", .remote, to: &writer)
        }
        return writer.withUnsafeBytes { ByteBuffer(bytes: $0) }
    }

    /// - Parameter id: the actor that was called.
    static func decode(_ payload: ByteBuffer, from id: String) -> ClusterActorError {
        let result = payload.withUnsafeReadableBytes { raw in
            Result { () throws(FormatError) in
                var reader = ByteReader(raw)
                return try decode(&reader, from: id)
            }
        }
        switch result {
        case .success(let error): return error
        case .failure(let error): return .malformedReply("\(error)")
        }
    }

    private static func decode(_ reader: inout ByteReader, from id: String) throws(FormatError) -> ClusterActorError {
        let number = try reader.readUInt8()
        switch Code(rawValue: number) {
        case .remote: return .remote(try text(&reader))
        case .unknownActor: return .unknownActor(id)
        case .wrongType: return .wrongType(id)
        case .unknownCall:
            let call = try reader.readUInt16()
            return .unknownCall(
                call, peerVersion: try reader.readString("version", utf8CountMax: PeerLimits.nameBytesMax))
        case .malformedCall: return .malformedCall(try text(&reader))
        case .overloaded: return .overloaded(id)
        case .stopping: return .nodeGone(id)
        case nil: return .remote("failure \(number), which this version does not know")
        }
    }

    private static func write(_ text: String, _ code: Code, to writer: inout ByteWriter) {
        writer.write(code.rawValue)
        writer.write(string: cut(text, to: PeerLimits.errorTextBytesMax))
    }

    private static func text(_ reader: inout ByteReader) throws(FormatError) -> String {
        try reader.readString("error text", utf8CountMax: PeerLimits.errorTextBytesMax)
    }

    static func cut(_ text: String, to bytesMax: Int) -> String {
        guard text.utf8.count > bytesMax else { return text }
        var cut = ""
        for character in text {
            guard cut.utf8.count + character.utf8.count <= bytesMax else { break }
            cut.append(character)
        }
        return cut
    }
}
