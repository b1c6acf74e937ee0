import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A real HTTP server on a free port of loopback that treats requests as it is told: the first gets the first behaviour,
/// and so on; later ones are taken.
package final class AlertReceiver: Sendable {
    package enum Behaviour: Sendable {
        case take
        case status(Int, headers: [(String, String)] = [])
        /// Never answers.
        case hang
        /// Sends a head and then a body that never ends.
        case drip
        /// Keeps the alert and closes the connection: the sender cannot know.
        case takeAndHangUp
    }

    package struct Request: Sendable {
        package let method: String
        package let path: String
        /// Names in lower case.
        package let headers: [String: String]
        package let body: [UInt8]

        package var object: [String: Any] {
            (try? JSONSerialization.jsonObject(with: Data(body)) as? [String: Any]) ?? [:]
        }

        package var id: String { headers["starling-alert-id"] ?? "" }
    }

    private let shared: Shared
    private let channel: any Channel
    package let port: Int

    package init(_ script: [Behaviour] = []) async throws {
        let shared = Shared(script)
        let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Handler(shared))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        self.shared = shared
        self.channel = channel
        port = channel.localAddress?.port ?? 0
    }

    package var url: String { "http://127.0.0.1:\(port)/hook" }

    /// In the order in which they came, those that were not answered among them.
    package var requests: [Request] { shared.state.withLock { $0.requests } }

    /// What comes next is treated so.
    package func behave(_ script: [Behaviour]) { shared.state.withLock { $0.script = script } }

    package func close() async {
        try? await channel.close()
    }

    /// What connections and the receiver share.
    fileprivate final class Shared: Sendable {
        struct State {
            var script: [Behaviour]
            var requests: [Request] = []
        }

        let state: Mutex<State>

        init(_ script: [Behaviour]) {
            state = Mutex(State(script: script))
        }

        func take(_ request: Request) -> Behaviour {
            state.withLock { state in
                state.requests.append(request)
                return state.script.isEmpty ? .take : state.script.removeFirst()
            }
        }
    }
}

private final class Handler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let shared: AlertReceiver.Shared
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []

    init(_ shared: AlertReceiver.Shared) {
        self.shared = shared
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            body = []
        case .body(let part): body += part.readableBytesView
        case .end: answer(context)
        }
    }

    private func answer(_ context: ChannelHandlerContext) {
        guard let head else { return }
        let headers = Dictionary(head.headers.map { ($0.name.lowercased(), $0.value) }) { first, _ in first }
        let request = AlertReceiver.Request(
            method: head.method.rawValue, path: head.uri, headers: headers, body: body)
        switch shared.take(request) {
        case .hang: break
        case .takeAndHangUp: context.close(promise: nil)
        case .take: respond(context, 204, [])
        case .status(let code, let headers): respond(context, code, headers)
        case .drip:
            let head = HTTPResponseHead(
                version: .http1_1, status: .ok, headers: ["transfer-encoding": "chunked"])
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            context.writeAndFlush(
                wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: "more to come")))), promise: nil)
        }
    }

    private func respond(_ context: ChannelHandlerContext, _ code: Int, _ headers: [(String, String)]) {
        var head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: code))
        for (name, value) in headers { head.headers.add(name: name, value: value) }
        if code != 204 { head.headers.add(name: "content-length", value: "0") }
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }
}
