package import ClusterKeys
package import Logging
package import Membership
import NIOCore
import NIOPosix
import Synchronization
import Wire

/// The gossip's UDP socket: messages out, messages in, sealed when the node has cluster keys.
///
/// Start it, tell the core the port it got, feed it from `messages`, send what it says. A datagram counts as lost
/// whatever happens to it: nothing here waits, throws, or ends because of what comes in.
///
/// A message's sender is believed to be where its datagram came from: between nodes no address may be rewritten (NAT).
package final class GossipTransport: Sendable {
    package struct Settings: Hashable, Sendable {
        /// A numeric address, or a name of this machine.
        package var host: String
        /// 0 lets the system choose.
        package var port: UInt16

        package init(host: String, port: UInt16) {
            self.host = host
            self.port = port
        }
    }

    private struct Outlet {
        var socket: UDPSocket?
        var channel: (any Channel)?
        var sealer: DatagramSealer?
        var random = SystemRandomNumberGenerator()
        var isClosed = false
    }

    /// Bounded: when the node does not keep up the oldest go.
    package let messages: AsyncStream<(Message, MemberAddress)>
    private let inlet: AsyncStream<(Message, MemberAddress)>.Continuation
    private let settings: Settings
    private let logger: Logger
    private let sparseLog: SparseLog
    private let lookup: SeedLookup
    private let outlet: Mutex<Outlet>
    private let opener: Mutex<DatagramOpener?>
    private let countsNow = Mutex(GossipCounts())

    package init(_ settings: Settings, keys: KeyRing?, logger: Logger) {
        self.settings = settings
        self.logger = logger
        sparseLog = SparseLog(logger)
        lookup = SeedLookup(logger: logger)
        var outlet = Outlet()
        outlet.sealer = keys.map { DatagramSealer($0, using: &outlet.random) }
        self.outlet = Mutex(outlet)
        opener = Mutex(keys.map { DatagramOpener($0) })
        (messages, inlet) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(GossipLimits.inboundMax))
    }

    package var counts: GossipCounts { countsNow.withLock { $0 } }

    /// - Returns: the address it is bound to; of a wildcard, the wildcard.
    package func start() async throws -> MemberAddress {
        let socket = try UDPSocket(host: settings.host, port: settings.port)
        outlet.withLock { $0.socket = socket }
        do { try await read() } catch {
            await close()
            throw error
        }
        return socket.address
    }

    /// Ends the stream of messages. What was sent is with the kernel.
    package func close() async {
        let (socket, channel) = outlet.withLock { outlet in
            defer { (outlet.socket, outlet.channel) = (nil, nil) }
            outlet.isClosed = true
            return (outlet.socket, outlet.channel)
        }
        try? await channel?.close()
        socket?.close()
        inlet.finish()
    }

    /// All addresses of each name, within `GossipLimits.resolveTimeout`. What cannot be looked up is logged once, and
    /// has the addresses it had.
    package func resolve(_ names: [MemberAddress]) async -> [MemberAddress] {
        await lookup.addresses(of: names)
    }

    // MARK: Out

    /// Messages to one address share datagrams where they fit: hand over all effects of one step at once.
    package func send(_ messages: [(Message, MemberAddress)]) {
        var order: [MemberAddress] = []
        var perAddress: [MemberAddress: [Message]] = [:]
        for (message, address) in messages.prefix(GossipLimits.messagesPerSendMax) {
            if perAddress[address] == nil { order.append(address) }
            perAddress[address, default: []].append(message)
        }
        let beyond = max(0, messages.count - GossipLimits.messagesPerSendMax)
        if beyond > 0 { countsNow.withLock { $0.messagesUnsendable += beyond } }
        for address in order { send(perAddress[address] ?? [], to: address) }
    }

    private func send(_ messages: [Message], to address: MemberAddress) {
        let datagrams = Datagrams.encode(messages)
        guard let target = SocketName(address), !datagrams.isEmpty else {
            countsNow.withLock { $0.messagesUnsendable += messages.count }
            sparseLog.warn("unsendable", "cannot send gossip to \(address): a numeric address is needed")
            return
        }
        for datagram in datagrams { send(datagram, to: target) }
    }

    private func send(_ datagram: [UInt8], to target: SocketName) {
        let (result, bytesCount) = outlet.withLock { outlet -> (UDPSocket.Sent?, Int) in
            guard let socket = outlet.socket else { return (nil, 0) }
            guard outlet.sealer != nil else { return (socket.send(datagram, to: target), datagram.count) }
            guard let sealed = try? outlet.sealer?.seal(datagram, using: &outlet.random) else {
                return (.failed(errno: 0), 0)
            }
            return (socket.send(sealed, to: target), sealed.count)
        }
        guard let result else { return }
        countsNow.withLock { counts in
            switch result {
            case .sent:
                counts.datagramsSent += 1
                counts.bytesSent += bytesCount
            case .full: counts.sendsDropped += 1
            case .failed: counts.sendsFailed += 1
            }
        }
        if case .failed(let code) = result {
            let error = GossipTransportError.message(of: code)
            sparseLog.warn("send", "cannot send gossip to \(target.memberAddress): \(error)")
        }
    }

    // MARK: In

    private func read() async throws {
        // Under the lock, so that it is not closed meanwhile and its number another's.
        let copy = outlet.withLock { outlet in
            outlet.socket.map { socket in Result { () throws(GossipTransportError) in try socket.duplicate() } }
        }
        guard let descriptor = try copy?.get() else { return }
        let inlet = GossipInlet { [weak self] bytes, from in self?.take(bytes, from) }
        let channel = try await DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(
                .recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: GossipLimits.readBytesMax)
            )
            .channelInitializer { $0.pipeline.addHandler(inlet) }
            .withBoundSocket(descriptor).get()
        let isClosed = outlet.withLock { outlet in
            if !outlet.isClosed { outlet.channel = channel }
            return outlet.isClosed
        }
        guard !isClosed else { return channel.close(promise: nil) }
        channel.closeFuture.whenComplete { [weak self] _ in self?.readingEnded(on: channel.eventLoop) }
    }

    /// As the network's stack could; for tests.
    func endReading() async {
        try? await outlet.withLock { $0.channel }?.close()
    }

    /// The socket is still there, and what came meanwhile waits in it.
    private func readingEnded(on loop: any EventLoop) {
        guard outlet.withLock({ !$0.isClosed }) else { return }
        countsNow.withLock { $0.reopened += 1 }
        sparseLog.warn("reopened", "the reading of gossip ended by itself and begins again")
        loop.scheduleTask(in: TimeAmount(GossipLimits.reopenPause)) { [weak self] in
            guard let self else { return }
            loop.makeFutureWithTask { try await self.read() }.whenFailure { [weak self] _ in
                self?.readingEnded(on: loop)
            }
        }
    }

    private func take(_ bytes: [UInt8], _ from: MemberAddress) {
        do {
            let messages = try decoded(bytes)
            // Before they are handed on: whoever holds a message finds it counted.
            countsNow.withLock { counts in
                counts.datagramsReceived += 1
                counts.bytesReceived += bytes.count
                counts.messagesReceived += messages.count
            }
            var dropped = 0
            for message in messages {
                if case .dropped = inlet.yield((message, from)) { dropped += 1 }
            }
            if dropped > 0 { countsNow.withLock { $0.messagesDropped += dropped } }
        } catch {
            countsNow.withLock { counts in
                counts.datagramsReceived += 1
                counts.bytesReceived += bytes.count
                counts.refused[error, default: 0] += 1
            }
            sparseLog.warn(error.rawValue, "dropped a datagram of \(from): \(error)")
        }
    }

    private func decoded(_ bytes: [UInt8]) throws(DatagramRefusal) -> [Message] {
        guard bytes.count <= DatagramLimits.bytesMax else { throw .oversized }
        let opened = opener.withLock { opener -> Result<[UInt8], DatagramRefusal>? in
            guard opener != nil else { return nil }
            do throws(DatagramRefusal) {
                guard let plain = try opener?.open(bytes) else { return nil }
                return .success(plain)
            } catch { return .failure(error) }
        }
        let plain = try opened?.get() ?? bytes
        guard let first = plain.first else { throw .malformed }
        guard opened != nil || first & SealedForm.sealedBit == 0 else { throw .sealed }
        guard first == Datagrams.version else { throw .otherVersion }
        let decoded = plain.withUnsafeBytes { raw in try? Datagrams.decode(raw) }
        guard let decoded else { throw .malformed }
        return decoded
    }
}
