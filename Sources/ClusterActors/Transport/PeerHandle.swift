import NIOCore
import Synchronization

/// The way from any task to a peer's link on its loop: one hop there, and none back but the caller's own.
struct PeerHandle: Sendable {
    private let loop: any EventLoop
    private let link: NIOLoopBoundBox<PeerLink>

    init(_ peer: Peer, _ context: TransportContext, loop: any EventLoop) {
        self.loop = loop
        link = .makeBoxSendingValue(PeerLink(peer, context, loop: loop), eventLoop: loop)
    }

    func onLoop(_ body: @escaping @Sendable (PeerLink) -> Void) {
        loop.execute { [link] in body(link.value) }
    }

    /// - Returns: the reply, or the failure that the peer sent.
    func call(_ ticket: PeerLink.Ticket, _ request: ByteBuffer, within limit: Duration) async throws -> PeerMessage {
        let slip = CallSlip()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                onLoop { $0.begin(ticket, request, limit, slip, continuation) }
            }
        } onCancel: {
            slip.isCancelled.store(true, ordering: .releasing)
            onLoop { $0.cancel(ticket) }
        }
    }
}

/// A cancellation may reach the loop before its call does.
final class CallSlip: Sendable {
    let isCancelled = Atomic(false)
}
