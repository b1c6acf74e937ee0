import Glibc
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// A way to the server over TLS, for a library that has none: hiredis talks to one end of a pair of sockets, and what
/// it says goes through two channels, glued together, to the server and back. Nobody else can use it, because nothing
/// listens.
///
/// A tunnel has no clock: whoever holds its near end has the deadline, and closing that end ends both channels. When
/// the far end breaks, the near one is closed after the reason was written down.
final class Tunnel: Sendable {
    private enum State {
        /// Nothing that hiredis says is read before TLS knows the server. → `open`, `broken`
        case shaking
        /// → `broken`
        case open
        /// What happened, and what to do about it. Final: of several reasons the first is the cause.
        case broken(String)
    }

    private let address: RedisURL
    private let state = Mutex(State.shaking)

    init(to address: RedisURL) { self.address = address }

    /// What is wrong with the way itself, and what to do; nil if nothing is, or if the server just left.
    var failure: String? {
        state.withLock {
            switch $0 {
            case .shaking:
                "no TLS in time; see whether the server runs, and if this is its port for TLS (redis.conf: tls-port)"
            case .open: nil
            case .broken(let why): why
            }
        }
    }

    var isOpen: Bool {
        state.withLock { if case .open = $0 { true } else { false } }
    }

    func opened() {
        state.withLock { if case .shaking = $0 { $0 = .open } }
    }

    func broke(_ error: any Error) {
        state.withLock { state in
            if case .broken = state { return }
            state = .broken(TunnelAdvice.text(on: error, address))
        }
    }

    /// Begins it; TLS comes about while the near end waits for its first answer.
    /// - Parameter server: a connection on which nothing has been said.
    /// - Returns: the near end, which does not block.
    func open(over server: consuming Descriptor, trusting context: NIOSSLContext) throws(DialError) -> Descriptor {
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { throw DialError(number: errno) }
        let near = Descriptor(ends[0])
        let inner = ends[1]
        let outer = server.handedOn()
        // One loop for both channels: their handlers call each other.
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        Self.bootstrap(on: loop).withConnectedSocket(inner).whenComplete { [self] result in
            switch result {
            case .success(let inner): glue(inner, to: outer, trusting: context)
            case .failure(let error):
                broke(error)
                close(outer)
            }
        }
        return near
    }

    /// Whatever comes to either end is read when the other end takes it, and not before.
    private static func bootstrap(on loop: any EventLoop) -> ClientBootstrap {
        ClientBootstrap(group: loop)
            .channelOption(.autoRead, value: false)
            .channelOption(.maxMessagesPerRead, value: 1)
            .channelOption(
                .recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: RedisLimits.tunnelReadBytes)
            )
            .channelOption(
                .writeBufferWaterMark,
                value: .init(low: RedisLimits.tunnelWaitingBytesMax / 2, high: RedisLimits.tunnelWaitingBytesMax))
    }

    private func glue(_ inner: any Channel, to server: CInt, trusting context: NIOSSLContext) {
        let name = address.isNumeric ? nil : address.host
        Self.bootstrap(on: inner.eventLoop).channelInitializer { [self] outer in
            outer.eventLoop.makeCompletedFuture { [self] in
                // Without a name the certificate must have the address that the connection goes to.
                let tls = try NIOSSLClientHandler(context: context, serverHostname: name)
                try outer.pipeline.syncOperations.addHandlers([tls, TunnelEnd(.outer, of: self, to: inner)])
                try inner.pipeline.syncOperations.addHandler(TunnelEnd(.inner, of: self, to: outer))
            }
        }.withConnectedSocket(server).whenFailure { [self] error in
            broke(error)
            inner.close(promise: nil)
        }
    }
}
