import HTTPTypes
import NIOCore
import NIOHTTP1

/// Puts a `ConnectionGuard` where it belongs: Hummingbird adds handlers of ours only above its own codec, where the
/// HTTP version and the parser's errors can no longer be seen.
final class ConnectionGuardInstaller: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = Any

    private let ids: RequestIDs

    init(ids: RequestIDs) {
        self.ids = ids
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let pipeline = context.pipeline.syncOperations
        do {
            let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
            try pipeline.addHandler(ConnectionGuard(ids: ids), position: .after(decoder))
        } catch {
            context.fireErrorCaught(error)
        }
    }
}

/// The rules of HTTP/1 that hold for a connection rather than for a request.
///
/// It gives answers of the server's own (a request that could not be parsed) the form all others have, sends `100
/// Continue`, keeps HTTP/1.0 and `Connection: close` as RFC 9112 has them, frames `HEAD`, and cuts off a client that
/// takes nothing of its answer.
final class ConnectionGuard: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// Triggered by a handler that is about to read the body.
    struct Continue: Sendable {}

    private struct Exchange {
        let isHead: Bool
        /// HTTP/1.0 or older: no chunks, no `100 Continue`.
        let isOld: Bool
        let version: HTTPVersion
        let closesAfter: Bool
        let expectsContinue: Bool
    }

    /// Requests whose answer is not written yet, oldest first. Bounded by the server's own back-pressure.
    private var exchanges = CircularBuffer<Exchange>(initialCapacity: 2)
    private var parserError: (any Error)?
    private var swallowsEnd = false
    private var closesAfterEnd = false
    private var isReplacing = false
    private var stall: Scheduled<Void>?
    private let ids: RequestIDs

    init(ids: RequestIDs) {
        self.ids = ids
    }

    // MARK: In

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .head(let head) = unwrapInboundIn(data) {
            exchanges.append(
                Exchange(
                    isHead: head.method == .HEAD, isOld: head.version.major < 1 || head.version == .http1_0,
                    version: head.version, closesAfter: !head.isKeepAlive,
                    expectsContinue: head.version == .http1_1
                        && head.headers.first(name: "expect")?.lowercased() == "100-continue"))
        }
        context.fireChannelRead(data)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if parserError == nil { parserError = error }
        context.fireErrorCaught(error)
    }

    // MARK: Out

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        guard event is Continue else { return context.triggerUserOutboundEvent(event, promise: promise) }
        promise?.succeed()
        guard exchanges.first?.expectsContinue == true else { return }
        context.writeAndFlush(
            wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: .continue))), promise: nil)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(let head) where head.status.code >= 200: writeHead(head, context: context, promise: promise)
        case .end: writeEnd(data, context: context, promise: promise)
        case .body where isReplacing: promise?.succeed()
        default: context.write(data, promise: promise)
        }
    }

    private func writeHead(_ head: HTTPResponseHead, context: ChannelHandlerContext, promise: EventLoopPromise<Void>?) {
        guard head.headers.contains(name: "x-request-id") else {
            return replaceServersOwn(head, context: context, promise: promise)
        }
        var head = head
        if let exchange = exchanges.first {
            if exchange.isOld { head.version = exchange.version }
            let hasLength = head.headers.contains(name: "content-length")
            swallowsEnd = exchange.isHead && !hasLength
            // An answer that already says so closes by itself, when the rest of its request was read.
            if !head.headers.contains(name: "connection") {
                // HTTP/1.0 has no chunks: there the end of the connection is the end of the answer.
                closesAfterEnd = exchange.closesAfter || (exchange.isOld && !hasLength)
                if closesAfterEnd {
                    head.headers.add(name: "Connection", value: "close")
                } else if exchange.isOld {
                    head.headers.add(name: "Connection", value: "keep-alive")
                }
            }
        }
        context.write(wrapOutboundOut(.head(head)), promise: promise)
    }

    private func writeEnd(_ data: NIOAny, context: ChannelHandlerContext, promise: EventLoopPromise<Void>?) {
        if !exchanges.isEmpty { exchanges.removeFirst() }
        let closes = closesAfterEnd
        closesAfterEnd = false
        isReplacing = false
        if swallowsEnd {
            // The encoder would end a chunked body that a HEAD never had; an empty part keeps the promise's place.
            swallowsEnd = false
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer()))), promise: promise)
        } else {
            context.write(data, promise: promise)
        }
        if closes {
            context.flush()
            context.close(promise: nil)
        }
    }

    /// Hummingbird answers what it cannot parse with a bare head; ours are problems with a request id.
    private func replaceServersOwn(
        _ head: HTTPResponseHead, context: ChannelHandlerContext, promise: EventLoopPromise<Void>?
    ) {
        let problem: Problem
        if case .headerOverflow? = parserError as? HTTPParserError {
            problem = .headersTooLarge
        } else if head.status == .badRequest {
            problem = .unparsable
        } else {
            problem = .unforeseen(id: "of the time of this answer")
        }
        let body = problem.body
        isReplacing = true
        var replaced = HTTPResponseHead(
            version: .http1_1, status: HTTPResponseStatus(statusCode: problem.kind.status.code))
        replaced.headers.add(name: "Content-Type", value: MediaType.problem)
        replaced.headers.add(name: "Content-Length", value: String(body.readableBytes))
        replaced.headers.add(name: "X-Request-Id", value: ids.fresh())
        replaced.headers.add(name: "X-Content-Type-Options", value: "nosniff")
        replaced.headers.add(name: "Connection", value: "close")
        context.write(wrapOutboundOut(.head(replaced)), promise: promise)
        context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
    }

    // MARK: Clients that take nothing

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        stall?.cancel()
        stall = nil
        if !context.channel.isWritable {
            let channel = context.channel
            stall = context.eventLoop.scheduleTask(in: .seconds(Int64(HTTPLimits.writeStallSecondsMax))) {
                channel.close(promise: nil)
            }
        }
        context.fireChannelWritabilityChanged()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        stall?.cancel()
        stall = nil
    }
}

extension Problem {
    static let headersTooLarge = Problem(
        kind: .headersTooLarge,
        detail: "the request line and headers have at most \(HTTPLimits.headerBytesMax >> 10) KiB together, "
            + "\(HTTPLimits.headerFieldBytesMax >> 10) KiB each, \(HTTPLimits.headerCountMax) of them")
    static let unparsable = Problem.badRequest("this is not HTTP/1.1 as RFC 9112 has it, or it ended too early")
}
