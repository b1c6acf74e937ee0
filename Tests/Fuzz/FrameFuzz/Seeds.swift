import ClusterActors
import FuzzKit
import NIOCore
import Telemetry

enum Seeds {
    private static let hello = Hello(
        flock: FlockID(high: 1, low: 2), node: "n0", incarnation: 1_700_000_000, version: "0.1.0", keyHint: 7,
        random: FlockID(high: 3, low: 4))

    private static func frames(_ messages: [PeerMessage]) throws -> [UInt8] {
        var buffer = ByteBuffer()
        var writer = FrameWriter()
        for message in messages {
            try writer.write(FrameHeader(kind: message.kind, id: message.id), message.payload, into: &buffer)
        }
        return Array(buffer.readableBytesView)
    }

    /// One message in three frames, with another between them.
    private static func parts() throws -> [UInt8] {
        var buffer = ByteBuffer()
        var writer = FrameWriter()
        let payload = ByteBuffer(bytes: [UInt8](0..<60))
        for (index, kind, id) in [(0, FrameKind.reply, 1), (1, .reply, 1), (0, .cancel, 9), (2, .reply, 1)] {
            let isAlone = kind == .cancel
            let header = FrameHeader(
                kind: kind, isFirst: isAlone || index == 0, isLast: isAlone || index == 2, id: UInt64(id))
            try writer.write(header, isAlone ? ByteBuffer() : payload, into: &buffer)
        }
        return Array(buffer.readableBytesView)
    }

    static func all() throws -> [Seed] {
        let request = Payloads.request(role: "scoring", number: 3, arguments: [1, 2, 3])
        let failures: [ClusterActorError] = [
            .remote("no such device"), .unknownCall(9, peerVersion: "0.2.0"), .malformedCall("2 bytes"),
        ]
        let session: [PeerMessage] = [
            PeerMessage(.hello, hello.encoded()), PeerMessage(.ready), PeerMessage(.request, id: 1, request),
            PeerMessage(.cancel, id: 1),
        ]
        return [
            Seed("hello-alone", [255] + Array(hello.encoded().readableBytesView)),
            Seed("hello", [255] + (try frames([PeerMessage(.hello, hello.encoded())]))),
            Seed("session", [16] + (try frames(session))),
            Seed("session-byte-by-byte", [1] + (try frames(session))),
            Seed("refusal", [9] + (try frames([PeerMessage(.refusal, ByteBuffer(bytes: [3]))]))),
            Seed(
                "failures",
                [64] + (try frames(failures.map { PeerMessage(.failure, id: 4, Payloads.failure($0)) }))),
            Seed("parts", [40] + (try parts())),
        ]
    }
}
