import NIOCore
import NIOTLS

/// One of the two channels of a tunnel: hands on to the other what it reads, reads no faster than the other takes, and
/// ends with it.
final class TunnelEnd: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    enum Side: Hashable {
        /// Towards hiredis. Silent until TLS knows the server.
        case inner
        /// Towards the server, behind TLS.
        case outer
    }

    private let side: Side
    private let tunnel: Tunnel
    /// On the same event loop.
    private let other: any Channel

    init(_ side: Side, of tunnel: Tunnel, to other: any Channel) {
        self.side = side
        self.tunnel = tunnel
        self.other = other
    }

    /// Of the outer end: the inner channel is active before it gets its handler.
    func channelActive(context: ChannelHandlerContext) {
        context.fireChannelActive()
        // hiredis may have given up before this end had its handler.
        guard other.isActive else { return context.close(promise: nil) }
        context.read()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted? = event as? TLSUserEvent {
            tunnel.opened()
            other.read()
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        other.write(unwrapInboundIn(data), promise: nil)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        other.flush()
        if other.isWritable { context.read() }
        context.fireChannelReadComplete()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        // The inner end has nothing to say to a server that is not known yet.
        if context.channel.isWritable, side == .inner || tunnel.isOpen { other.read() }
        context.fireChannelWritabilityChanged()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // Before hiredis can see the end of its connection, and ask for the reason.
        tunnel.broke(error)
        context.close(promise: nil)
        other.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        other.close(promise: nil)
        context.fireChannelInactive()
    }
}
