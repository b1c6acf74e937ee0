import NIOCore
import NIOEmbedded
import NIOTLS
import Testing

@testable import RedisLease

/// The two ends without sockets: who is read when.
@Suite struct TunnelEndTests {
    private let tunnel: Tunnel
    private let inner = EmbeddedChannel()
    private let outer = EmbeddedChannel()
    private let innerReads = Reads()
    private let outerReads = Reads()

    init() throws {
        tunnel = Tunnel(to: try RedisURL("rediss://h"))
        // In the order in which a tunnel is made: the inner channel is active before it has its handler.
        for (channel, reads, side) in [(inner, innerReads, TunnelEnd.Side.inner), (outer, outerReads, .outer)] {
            try channel.setOption(.autoRead, value: false).wait()
            if side == .inner { try Self.activate(channel) }
            let end = TunnelEnd(side, of: tunnel, to: side == .inner ? outer : inner)
            try channel.pipeline.syncOperations.addHandlers([reads, end])
            if side == .outer { try Self.activate(channel) }
        }
        #expect(innerReads.count == 0 && outerReads.count == 1)
    }

    private static func activate(_ channel: EmbeddedChannel) throws {
        try channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    private func open() {
        outer.pipeline.fireUserInboundEventTriggered(TLSUserEvent.handshakeCompleted(negotiatedProtocol: nil))
    }

    @Test func nothingIsReadFromWithinBeforeTLSKnowsTheServer() {
        outer.pipeline.fireChannelWritabilityChanged()
        #expect(innerReads.count == 0)
        #expect(tunnel.failure?.contains("no TLS in time") == true)
        open()
        #expect(innerReads.count == 1)
        #expect(tunnel.failure == nil)
    }

    @Test func anEndThatTakesNoMoreStopsTheReadingOfTheOther() throws {
        open()
        for (from, to, reads) in [(inner, outer, innerReads), (outer, inner, outerReads)] {
            reads.count = 0
            try from.writeInbound(ByteBuffer(string: "one"))
            #expect(try to.readOutbound(as: ByteBuffer.self) == ByteBuffer(string: "one"))
            #expect(reads.count == 1)
            to.isWritable = false
            try from.writeInbound(ByteBuffer(string: "two"))
            #expect(reads.count == 1, "one read is on top of what waits, and no second")
            to.pipeline.fireChannelWritabilityChanged()
            #expect(reads.count == 1)
            to.isWritable = true
            to.pipeline.fireChannelWritabilityChanged()
            #expect(reads.count == 2)
        }
    }

    @Test func theFirstReasonIsToldAndBothEndsClose() {
        open()
        outer.pipeline.fireErrorCaught(ChannelError.inputClosed)
        tunnel.broke(ChannelError.alreadyClosed)
        #expect(tunnel.failure?.contains("the connection broke") == true)
        #expect(tunnel.failure?.contains("\(ChannelError.inputClosed)") == true)
        #expect(!inner.isActive && !outer.isActive)
    }

    @Test func oneEndTakesTheOtherAlong() {
        inner.close(promise: nil)
        #expect(!outer.isActive)
    }
}

/// How often its channel was asked to read.
private final class Reads: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer

    var count = 0

    func read(context: ChannelHandlerContext) {
        count += 1
        context.read()
    }
}
