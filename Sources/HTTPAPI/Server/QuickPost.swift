import HTTPTypes
import NIOCore
import NIOHTTP1
import Ports
import ReadingFormats

/// `POST /data` of a small body, from its bytes to its answer on the event loop, without a task; so are those who are refused
/// by their head (see `QuickRefusal`).
///
/// A device that sends one reading at a time costs the request, not the reading. The ordinary way, a task a connection
/// behind a stream a connection, changes threads at each step; this one does not, and takes less than half. It takes
/// only what it can finish: whole bodies up to `HTTPLimits.quickBodyBytesMax` with nothing out of the ordinary in the
/// head. Everything else passes on as it came, and while an answer is owed on one of the two ways, nothing starts on
/// the other: answers keep the order of their requests.
///
/// It stands next to the decoder, so what it answers is seen by nobody above. Therefore it also watches for idle
/// connections, and keeps a shutdown waiting until it has answered.
final class QuickPost: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private let frontDoor: FrontDoor
    private var state = QuickState.idle
    private var held = CircularBuffer<HeldPart>(initialCapacity: 0)
    private var isGoingOn = false
    private var wantsRead = false
    /// Parts were passed on since the last time that their end was told.
    private var hasPassed = false
    private var context: ChannelHandlerContext?
    /// Of the encoder: what is written from here on is bytes.
    private var encoder: ChannelHandlerContext?
    private var date = HTTPDate()
    private var isCounted = false
    private var lastActivity = NIODeadline.now()
    private var idleCheck: Scheduled<Void>?

    init(frontDoor: FrontDoor) {
        self.frontDoor = frontDoor
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        encoder = try? context.pipeline.syncOperations.context(handlerType: HTTPResponseEncoder.self)
        frontDoor.connections.add(1)
        isCounted = true
        if context.channel.isActive { watch(context) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        forget()
        self.context = nil
        encoder = nil
    }

    func channelActive(context: ChannelHandlerContext) {
        watch(context)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        forget()
        context.fireChannelInactive()
    }

    private func forget() {
        if isCounted { frontDoor.connections.add(-1) }
        isCounted = false
        state = .idle
        held.removeAll()
        idleCheck?.cancel()
        idleCheck = nil
    }

    private var isAnswering: Bool {
        switch state {
        case .answering, .pausing(_, isWhole: true): true
        default: false
        }
    }

    // MARK: In

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        lastActivity = .now()
        if isAnswering || !held.isEmpty { hold(.part(data)) } else { take(data, context) }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        guard hasPassed else { return }
        hasPassed = false
        context.fireChannelReadComplete()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // A shutdown, or the end of what the client sends: both come after the request that is still to be answered.
        if isAnswering || !held.isEmpty { hold(.event(event)) } else { context.fireUserInboundEventTriggered(event) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if isAnswering || !held.isEmpty { hold(.failure(error)) } else { context.fireErrorCaught(error) }
    }

    /// A client that sends ahead is read once more, not without end, and one that takes no answers is not.
    func read(context: ChannelHandlerContext) {
        wantsRead = true
        readIfWanted(context)
    }

    private func mayRead(_ context: ChannelHandlerContext) -> Bool {
        if case .passing = state { return held.isEmpty }
        return held.isEmpty && context.channel.isWritable
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        readIfWanted(context)
        context.fireChannelWritabilityChanged()
    }

    private func hold(_ one: HeldPart) {
        guard held.count < HTTPLimits.heldPartsMax else {
            context?.close(promise: nil)
            return
        }
        held.append(one)
    }

    private func take(_ data: NIOAny, _ context: ChannelHandlerContext) {
        switch (state, unwrapInboundIn(data)) {
        case (.idle, .head(let head)):
            if encoder != nil, isTaken(head, context) { return }
            state = .passing(owed: 1, isReading: true)
        case (.passing(let owed, _), .head):
            state = .passing(owed: owed + 1, isReading: true)
        case (.passing(let owed, _), .end):
            state = owed == 0 ? .idle : .passing(owed: owed, isReading: false)
        case (.collecting(var request, let caller), .body(let bytes)):
            state = .idle  // one owner of the buffer, so that adding to it copies nothing
            request.add(bytes)
            state = .collecting(request, of: caller)
            return
        case (.collecting(let request, let caller), .end):
            submit(request, of: caller, context)
            return
        case (.discarding, .body), (.pausing, .body):
            return
        case (.pausing(let refusal, _), .end):
            state = .pausing(refusal, isWhole: true)
            return
        case (.discarding, .end):
            state = .idle
            return
        default:
            break
        }
        hasPassed = true
        context.fireChannelRead(data)
    }

    /// - Returns: false for what goes the ordinary way.
    private func isTaken(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) -> Bool {
        guard let fields = QuickFields(head) else { return false }
        if let request = QuickRequest(head, fields, ids: frontDoor.ids),
            let caller = frontDoor.gatekeeper.sender(authorization: request.authorization)
        {
            let waited = LoopLag.ofThisThread().waited(at: request.tag.start, context.eventLoop)
            if let refusal = frontDoor.handlers.node.refusal(waited: waited.nanoseconds / 1_000) {
                refuse(QuickRefusal(request.tag, busy: refusal), context)
            } else {
                state = .collecting(request, of: caller)
            }
            return true
        }
        let stranger = QuickRefusal(ofStranger: head, fields, frontDoor.gatekeeper, ids: frontDoor.ids)
        if let stranger { refuse(stranger, context) }
        return stranger != nil
    }

    private func refuse(_ refusal: QuickRefusal, _ context: ChannelHandlerContext) {
        state = .pausing(refusal, isWhole: false)
        guard refusal.pause > .zero else { return tell(context) }
        context.eventLoop.assumeIsolated().scheduleTask(in: refusal.pause) { self.tell(context) }
    }

    private func tell(_ context: ChannelHandlerContext) {
        guard case .pausing(let refusal, let isWhole) = state else { return }
        // What a client sent before it hung up is read whole: its answers would fill the memory.
        guard context.channel.isWritable else { return context.close(promise: nil) }
        if isWhole { return answer(refusal.tag, refusal.answer) }
        state = .discarding(until: refusal.tag.start + refusal.bodyMax)
        write(refusal.tag, refusal.answer)
    }

    // MARK: The node

    private func submit(_ request: QuickRequest, of caller: Caller, _ context: ChannelHandlerContext) {
        do throws(Problem) {
            let admitted = try request.body.withUnsafeReadableBytes { bytes throws(Problem) in
                try frontDoor.handlers.parse(bytes, as: request.format, of: caller)
            }
            state = .answering(request, admitted)
            let loop = context.eventLoop
            let place = NIOLoopBound(self, eventLoop: loop)
            frontDoor.handlers.node.offer(admitted.parsed.batch) { refusal in
                loop.execute { place.value.answered(refusal) }
            }
        } catch {
            answer(request.tag, Answer(error))
        }
    }

    private func answered(_ refusal: AcceptError?) {
        // Else the connection is gone, and with it whoever waits for this answer.
        guard case .answering(let request, let admitted) = state else { return }
        answer(request.tag, frontDoor.handlers.answer(to: admitted, refusal))
    }

    // MARK: Out

    private func answer(_ tag: RequestTag, _ answer: Answer) {
        state = .idle
        write(tag, answer)
        if let context { goOn(context) }
    }

    private func write(_ tag: RequestTag, _ answer: Answer) {
        guard let context, let encoder else { return }
        var answer = answer
        frontDoor.origins.mark(&answer, to: [:])
        let now = NIODeadline.now()
        lastActivity = now
        frontDoor.metrics.count(
            route: tag.route, method: tag.method, status: answer.status,
            duration: .nanoseconds((now - tag.start).nanoseconds))
        let bytes = answer.bytes(id: tag.id, date: date.text(), allocator: context.channel.allocator)
        encoder.writeAndFlush(NIOAny(bytes), promise: nil)
    }

    /// What was held follows, until the next of ours, or to its end.
    private func goOn(_ context: ChannelHandlerContext) {
        // One that is refused at once answers from within this loop, which then goes on.
        guard !isGoingOn else { return }
        isGoingOn = true
        defer { isGoingOn = false }
        while !isAnswering, let next = held.popFirst() {
            switch next {
            case .part(let data): take(data, context)
            case .event(let event): context.fireUserInboundEventTriggered(event)
            case .failure(let error): context.fireErrorCaught(error)
            }
        }
        channelReadComplete(context: context)
        readIfWanted(context)
    }

    private func readIfWanted(_ context: ChannelHandlerContext) {
        guard wantsRead, mayRead(context) else { return }
        wantsRead = false
        context.read()
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        // A client that takes a long answer is not idle, though it sends nothing.
        lastActivity = .now()
        if case .passing(let owed, let isReading) = state, case .end = unwrapOutboundIn(data) {
            state = owed <= 1 && !isReading ? .idle : .passing(owed: max(0, owed - 1), isReading: isReading)
        }
        context.write(data, promise: promise)
    }

    // MARK: Idle and slow connections

    /// True while the client waits for this node, and not the other way round.
    private var isOwing: Bool {
        switch state {
        case .answering, .pausing: true
        case .passing(let owed, let isReading): owed > 0 && !isReading
        case .idle, .collecting, .discarding: false
        }
    }

    private func watch(_ context: ChannelHandlerContext) {
        idleCheck?.cancel()
        idleCheck = context.eventLoop.assumeIsolated().scheduleTask(in: HTTPLimits.idleScarceMax) {
            let now = NIODeadline.now()
            let idleMax = self.frontDoor.connections.areScarce ? HTTPLimits.idleScarceMax : HTTPLimits.idleMax
            if case .collecting(let request, _) = self.state, now - request.tag.start >= HTTPLimits.bodyMax {
                self.answer(request.tag, Answer(Problem.bodyTooSlow))
                context.close(promise: nil)
            } else if case .discarding(let end) = self.state, now >= end {
                context.close(promise: nil)
            } else if !self.isOwing, now - self.lastActivity >= idleMax {
                context.close(promise: nil)
            } else {
                self.watch(context)
            }
        }
    }
}
