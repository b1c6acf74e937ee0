import HTTPTypes
import HummingbirdCore
import NIOCore
import NIOHTTPTypes
import Ports
import ReadingFormats

/// `POST /data` of a small body, from its bytes to its answer on the event loop, without a task.
///
/// A device that sends one reading at a time costs the request, not the reading. The ordinary way, a task a connection
/// behind a stream a connection, changes threads at each step; this one does not, and takes a third of the time. It
/// takes only what it can finish: whole bodies up to `HTTPLimits.quickBodyBytesMax` with nothing out of the ordinary in
/// the head. Everything else passes on as it came, and while an answer is owed on one of the two ways, nothing starts
/// on the other: answers keep the order of their requests.
final class QuickPost: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private enum State {
        /// No answer is owed. → passing, collecting
        case idle
        /// The ordinary way owes answers, or still reads a request. → idle
        case passing(owed: Int, isReading: Bool)
        /// One of ours is not whole yet. → answering, idle
        case collecting(QuickRequest)
        /// The node has it. → idle
        case answering(QuickRequest, ParsedReadings)
    }

    /// What came while an answer was awaited.
    private enum Held {
        case part(NIOAny)
        case event(Any)
        case failure(any Error)
    }

    private let frontDoor: FrontDoor
    private var state = State.idle
    private var held = CircularBuffer<Held>(initialCapacity: 0)
    private var wantsRead = false
    /// Parts were passed on since the last time that their end was told.
    private var hasPassed = false
    private var context: ChannelHandlerContext?
    private var date = HTTPDate()

    init(frontDoor: FrontDoor) {
        self.frontDoor = frontDoor
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        held.removeAll()
    }

    private var isAnswering: Bool {
        if case .answering = state { true } else { false }
    }

    // MARK: In

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if isAnswering || !held.isEmpty { hold(.part(data)) } else { take(data, context) }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        guard hasPassed else { return }
        hasPassed = false
        context.fireChannelReadComplete()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // The end of what the client sends, too, comes after the request that is still to be answered.
        if isAnswering || !held.isEmpty { hold(.event(event)) } else { context.fireUserInboundEventTriggered(event) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if isAnswering || !held.isEmpty { hold(.failure(error)) } else { context.fireErrorCaught(error) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        state = .idle
        held.removeAll()
        context.fireChannelInactive()
    }

    /// A client that sends ahead is read once more, not without end.
    func read(context: ChannelHandlerContext) {
        if held.isEmpty { context.read() } else { wantsRead = true }
    }

    private func hold(_ one: Held) {
        guard held.count < HTTPLimits.heldPartsMax else {
            context?.close(promise: nil)
            return
        }
        held.append(one)
    }

    private func take(_ data: NIOAny, _ context: ChannelHandlerContext) {
        switch (state, unwrapInboundIn(data)) {
        case (.idle, .head(let head)):
            if let request = QuickRequest(head, ids: frontDoor.ids) {
                state = .collecting(request)
                return
            }
            state = .passing(owed: 1, isReading: true)
        case (.passing(let owed, _), .head):
            state = .passing(owed: owed + 1, isReading: true)
        case (.passing(let owed, _), .end):
            state = owed == 0 ? .idle : .passing(owed: owed, isReading: false)
        case (.collecting(var request), .body(let bytes)):
            state = .idle  // one owner of the buffer, so that adding to it copies nothing
            request.add(bytes)
            state = .collecting(request)
            return
        case (.collecting(let request), .end):
            submit(request, context)
            return
        default:
            break
        }
        hasPassed = true
        context.fireChannelRead(data)
    }

    // MARK: The node

    private func submit(_ request: QuickRequest, _ context: ChannelHandlerContext) {
        do throws(Problem) {
            let parsed = try request.body.withUnsafeReadableBytes { bytes throws(Problem) in
                try frontDoor.handlers.parse(bytes, as: request.format)
            }
            state = .answering(request, parsed)
            let place = NIOLoopBound(self, eventLoop: context.eventLoop)
            let loop = context.eventLoop
            frontDoor.handlers.node.offer(parsed.batch) { refusal in
                loop.execute { place.value.answered(refusal) }
            }
        } catch {
            answer(request, Answer(error))
        }
    }

    private func answered(_ refusal: AcceptError?) {
        // Else the connection is gone, and with it whoever waits for this answer.
        guard case .answering(let request, let parsed) = state else { return }
        answer(request, frontDoor.handlers.answer(to: parsed, refusal))
    }

    // MARK: Out

    private func answer(_ request: QuickRequest, _ answer: Answer) {
        state = .idle
        guard let context else { return }
        frontDoor.metrics.count(
            route: .data, method: .post, status: answer.status, duration: ContinuousClock.now - request.start)
        var headers = answer.headers
        var body = ByteBuffer()
        if case .buffer(let buffer) = answer.body { body = buffer }
        headers.append(HTTPField(name: .contentLength, value: String(body.readableBytes)))
        headers.append(HTTPField(name: .requestID, value: request.id))
        headers.append(HTTPField(name: .date, value: date.text()))
        if answer.status != .accepted { headers[.xContentTypeOptions] = "nosniff" }
        context.write(
            wrapOutboundOut(.head(HTTPResponse(status: answer.status, headerFields: headers))), promise: nil)
        context.write(wrapOutboundOut(.body(body)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        goOn(context)
    }

    /// What was held follows, until the next of ours, or to its end.
    private func goOn(_ context: ChannelHandlerContext) {
        while !isAnswering, let next = held.popFirst() {
            switch next {
            case .part(let data): take(data, context)
            case .event(let event): context.fireUserInboundEventTriggered(event)
            case .failure(let error): context.fireErrorCaught(error)
            }
        }
        channelReadComplete(context: context)
        if held.isEmpty, wantsRead {
            wantsRead = false
            context.read()
        }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .passing(let owed, let isReading) = state, case .end = unwrapOutboundIn(data) {
            state = owed <= 1 && !isReading ? .idle : .passing(owed: max(0, owed - 1), isReading: isReading)
        }
        context.write(data, promise: promise)
    }
}

/// A `POST /data` with nothing out of the ordinary.
struct QuickRequest {
    let start = ContinuousClock.now
    let id: String
    let format: BodyFormat
    private(set) var body = ByteBuffer()

    /// - Returns: nil for every other request, and for those that will be refused by their head.
    init?(_ head: HTTPRequest, ids: RequestIDs) {
        guard head.method == .post, head.path == "/data" else { return nil }
        var format: BodyFormat?
        var bytesCount: Int?
        var givenID: String?
        for field in head.headerFields {
            switch field.name {
            case .contentType:
                guard format == nil, let known = MediaType.bodyFormat(field.value) else { return nil }
                format = known
            case .contentLength:
                guard bytesCount == nil, let count = Int(field.value) else { return nil }
                bytesCount = count
            case .requestID:
                guard givenID == nil else { return nil }
                givenID = field.value
            case .connection, .contentEncoding, .expect, .transferEncoding, .upgrade:
                return nil
            default:
                continue
            }
        }
        guard let format, let bytesCount, (1...HTTPLimits.quickBodyBytesMax).contains(bytesCount) else { return nil }
        self.format = format
        id = ids.id(given: givenID)
    }

    mutating func add(_ bytes: ByteBuffer) {
        if body.readableBytes == 0 { body = bytes } else { body.writeImmutableBuffer(bytes) }
    }
}
