import Membership
import NIOCore

/// Hands every datagram on. Errors are not passed on: none may end the reading.
final class GossipInlet: ChannelInboundHandler, Sendable {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>

    private let take: @Sendable (_ bytes: [UInt8], _ from: MemberAddress) -> Void

    init(take: @escaping @Sendable (_ bytes: [UInt8], _ from: MemberAddress) -> Void) {
        self.take = take
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let envelope = Self.unwrapInboundIn(data)
        guard let host = envelope.remoteAddress.ipAddress, let port = envelope.remoteAddress.port else { return }
        let address = MemberAddress(host: host, port: UInt16(clamping: port))
        let from = SocketName(address)?.memberAddress ?? address
        take(Array(envelope.data.readableBytesView), from)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {}
}
