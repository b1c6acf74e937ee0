import DeviceFleet
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A real HTTP server on a free port of loopback that misbehaves as it is told: the first request gets the first
/// behaviour, and so on; later ones are taken.
struct TestServer: Sendable {
    enum Behaviour: Sendable {
        case take
        /// Answers so and keeps nothing.
        case status(Int, headers: [(String, String)] = [])
        /// Keeps the readings and closes the connection: the sender cannot know.
        case takeAndHangUp
        /// Never answers.
        case hang
    }

    struct Reading: Hashable, Sendable {
        let device: String
        let timestamp: String
        let type: String
        let value: Double
    }

    let recorder: Recorder
    let address: ServerAddress

    /// Runs `body` against a server, and closes it whatever happens.
    static func run<Result>(
        _ script: [Behaviour] = [], onRequest: @escaping @Sendable (Int) -> Void = { _ in },
        _ body: (TestServer) async throws -> Result
    ) async throws -> Result {
        let recorder = Recorder(script: script, onRequest: onRequest)
        let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Handler(recorder: recorder))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        guard let port = channel.localAddress?.port, let address = ServerAddress("127.0.0.1:\(port)") else {
            throw ChannelError.unknownLocalAddress
        }
        do {
            let result = try await body(TestServer(recorder: recorder, address: address))
            try await channel.close()
            return result
        } catch {
            try? await channel.close()
            throw error
        }
    }
}

/// What a test server saw.
final class Recorder: Sendable {
    struct Record: Sendable {
        var contentTypes: [String] = []
        /// As taken, request by request.
        var taken: [[TestServer.Reading]] = []
        var requestsCount = 0
    }

    private let script: [TestServer.Behaviour]
    private let onRequest: @Sendable (Int) -> Void
    private let state = Mutex(Record())

    init(script: [TestServer.Behaviour], onRequest: @escaping @Sendable (Int) -> Void) {
        self.script = script
        self.onRequest = onRequest
    }

    var record: Record { state.withLock { $0 } }
    /// What a store that keeps each reading once holds.
    var stored: Set<TestServer.Reading> { Set(record.taken.flatMap { $0 }) }

    func arrived(contentType: String, body: [UInt8]) -> (behaviour: TestServer.Behaviour, taken: Int) {
        let readings = Self.readings(contentType: contentType, body: body)
        let (number, behaviour) = state.withLock { state in
            let behaviour = state.requestsCount < script.count ? script[state.requestsCount] : .take
            state.requestsCount += 1
            state.contentTypes.append(contentType)
            switch behaviour {
            case .take, .takeAndHangUp: state.taken.append(readings)
            case .status, .hang: break
            }
            return (state.requestsCount, behaviour)
        }
        onRequest(number)
        return (behaviour, readings.count)
    }

    /// Reads the three shapes of the contract, apart from the code under test.
    private static func readings(contentType: String, body: [UInt8]) -> [TestServer.Reading] {
        let documents: [Data] =
            contentType == "application/x-ndjson"
            ? body.split(separator: 0x0A).map { Data($0) } : [Data(body)]
        return documents.flatMap { data -> [[String: Any]] in
            let object = try? JSONSerialization.jsonObject(with: data)
            return (object as? [[String: Any]]) ?? (object as? [String: Any]).map { [$0] } ?? []
        }.flatMap { message -> [TestServer.Reading] in
            let metrics = message["metrics"] as? [[String: Any]] ?? []
            return metrics.map { metric in
                TestServer.Reading(
                    device: message["device_id"] as? String ?? "?", timestamp: message["timestamp"] as? String ?? "?",
                    type: metric["type"] as? String ?? "?", value: metric["value"] as? Double ?? .nan)
            }
        }
    }
}

private final class Handler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let recorder: Recorder
    private var contentType = ""
    private var body: [UInt8] = []

    init(recorder: Recorder) {
        self.recorder = recorder
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            contentType = head.headers.first(name: "content-type") ?? ""
            body = []
        case .body(let part): body += part.readableBytesView
        case .end: answer(context)
        }
    }

    private func answer(_ context: ChannelHandlerContext) {
        let (behaviour, taken) = recorder.arrived(contentType: contentType, body: body)
        switch behaviour {
        case .hang: break
        case .takeAndHangUp: context.close(promise: nil)
        case .take:
            respond(context, 202, [], #"{"status":"Data accepted","accepted":\#(taken),"rejected":0}"#)
        case .status(let code, let headers):
            respond(context, code, headers, #"{"title":"told to","status":\#(code)}"#)
        }
    }

    private func respond(_ context: ChannelHandlerContext, _ code: Int, _ headers: [(String, String)], _ text: String) {
        var head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: code))
        for (name, value) in headers { head.headers.add(name: name, value: value) }
        head.headers.add(name: "content-length", value: "\(text.utf8.count)")
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: text)))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }
}
