import NIOCore

/// Why a connection is over.
enum ConnectionEnd: Sendable {
    /// The other side, or this one, closed it.
    case closed
    case failed(SessionError)
    case silent
    case io(String)
}

/// Whoever has the connection; called on its loop.
protocol ConnectionOwner: AnyObject {
    func established(with peer: Hello, on handler: ConnectionHandler)
    func received(_ message: PeerMessage, on handler: ConnectionHandler)
    /// Once, and the last that it hears.
    func ended(_ end: ConnectionEnd, on handler: ConnectionHandler)
}

/// Drives a `Session` on a channel: reads what came, and writes frames while the socket takes them, no more, so that
/// what waits can still be overtaken.
final class ConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var session: Session
    private var owner: (any ConnectionOwner)?
    private let shared: TransportContext
    private var context: ChannelHandlerContext?
    private var helloTimer: Scheduled<Void>?
    private var isPumpOrdered = false
    private var closesWhenWritten = false
    private var writesCount = 0

    init(session: Session, owner: any ConnectionOwner, _ shared: TransportContext) {
        self.session = session
        self.owner = owner
        self.shared = shared
    }

    // MARK: For the owner

    func send(_ message: PeerMessage) {
        session.send(message)
        orderPump()
    }

    /// - Returns: true if the receiver has a part of it.
    @discardableResult
    func drop(_ id: UInt64) -> Bool { session.drop(id) }

    var outboxBytes: Int { session.outbox.bytesCount }
    var outboxCount: Int { session.outbox.count }

    /// Closes when all that was sent has left.
    func finish() {
        closesWhenWritten = true
        orderPump()
    }

    /// Closes; the owner hears no more of it.
    func abandon() {
        helloTimer?.cancel()
        owner = nil
        context?.close(promise: nil)
    }

    /// Closes over something the peer did.
    func fail(_ error: SessionError) {
        end(.failed(error))
    }

    // MARK: Channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { begin(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        begin(context)
        context.fireChannelActive()
    }

    private func begin(_ context: ChannelHandlerContext) {
        guard helloTimer == nil else { return }
        helloTimer = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(shared.settings.helloTime)) {
            self.end(.silent)
        }
        pump()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard owner != nil else { return }
        let bytes = unwrapInboundIn(data)
        shared.counters.add { $0.bytesIn += UInt64(bytes.readableBytes) }
        session.append(bytes)
        do {
            while owner != nil, let event = try session.next() {
                switch event {
                case .established(let peer):
                    helloTimer?.cancel()
                    owner?.established(with: peer, on: self)
                case .message(let message): owner?.received(message, on: self)
                }
            }
        } catch {
            if case .refusing(let refusal) = error { session.refuse(refusal) }
            pump()
            end(.failed(error))
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        pump()
        context.fireChannelReadComplete()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        pump()
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        end(.closed)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        end(.io("\(error)"))
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        end(.closed)
        self.context = nil
    }

    /// A connection that never was has no end either: whoever tried to make it knows.
    private func end(_ end: ConnectionEnd) {
        helloTimer?.cancel()
        let owner = helloTimer == nil ? nil : self.owner
        self.owner = nil
        owner?.ended(end, on: self)
        context?.close(promise: nil)
    }

    // MARK: Writing

    /// One pump for all that is sent in a turn of the loop: one write, one system call.
    private func orderPump() {
        guard !isPumpOrdered, let context else { return }
        isPumpOrdered = true
        context.eventLoop.assumeIsolated().execute {
            self.isPumpOrdered = false
            self.pump()
        }
    }

    private func pump() {
        guard let context, context.channel.isActive else { return }
        var written = 0
        do {
            while session.hasOutput, context.channel.isWritable {
                var buffer = context.channel.allocator.buffer(
                    capacity: min(session.outbox.bytesCount, PeerLimits.writeBytesMax) + PeerLimits.helloBytesMax)
                try session.fill(&buffer, atMost: PeerLimits.writeBytesMax)
                written += buffer.readableBytes
                write(buffer, context)
            }
        } catch {
            end(.failed(.frame(error)))
        }
        if written > 0 {
            shared.counters.add { $0.bytesOut += UInt64(written) }
            context.flush()
        }
        closeIfWritten()
    }

    private func write(_ buffer: ByteBuffer, _ context: ChannelHandlerContext) {
        writesCount += 1
        context.write(wrapOutboundOut(buffer)).assumeIsolated().whenComplete { _ in
            self.writesCount -= 1
            self.closeIfWritten()
        }
    }

    private func closeIfWritten() {
        guard closesWhenWritten, writesCount == 0, !session.hasOutput else { return }
        end(.closed)
    }
}
