import ClusterActors
import Distributed
import Logging
import NIOCore
import NIOPosix
import Synchronization
import Testing

/// A connection without any protocol: it sends bytes, collects what comes, and knows when it is closed.
private struct RawConnection {
    private final class Collector: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        var bytes = ByteBuffer()
        let closed: EventLoopPromise<ByteBuffer>

        init(closed: EventLoopPromise<ByteBuffer>) {
            self.closed = closed
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var more = unwrapInboundIn(data)
            bytes.writeBuffer(&more)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            context.close(promise: nil)
        }

        func handlerRemoved(context: ChannelHandlerContext) {
            closed.succeed(bytes)
        }
    }

    let channel: any Channel
    private let closed: EventLoopFuture<ByteBuffer>

    init(port: Int) async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let promise = loop.makePromise(of: ByteBuffer.self)
        closed = promise.futureResult
        do {
            channel = try await ClientBootstrap(group: loop)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(Collector(closed: promise))
                    }
                }
                .connect(host: "127.0.0.1", port: port).get()
        } catch {
            promise.fail(error)
            throw error
        }
    }

    func send(_ bytes: ByteBuffer) async {
        // A connection that is closed already takes nothing, which the test finds out by `untilClosed`.
        try? await channel.writeAndFlush(bytes)
    }

    /// What came until the other side closed it.
    func untilClosed() async throws -> ByteBuffer { try await closed.get() }
}

/// Whoever finds the port: a node closes on it, counts it, and goes on.
@Suite(.timeLimit(.minutes(5)), .patientCalls) struct StrangerTests {
    private func frame(_ kind: FrameKind, id: UInt64 = 0, _ payload: ByteBuffer = ByteBuffer()) throws -> ByteBuffer {
        var buffer = ByteBuffer()
        var writer = FrameWriter()
        try writer.write(FrameHeader(kind: kind, id: id), payload, into: &buffer)
        return buffer
    }

    private var hello: ByteBuffer {
        Hello(flock: TestNode.flock, node: "x", incarnation: 1, version: "1").encoded()
    }

    @Test func garbageIsClosedOnAndTheNodeGoesOn() async throws {
        try await withPair { a, b in
            let inputs = [
                ByteBuffer(string: "GET / HTTP/1.1\r\nHost: b\r\n\r\n"), ByteBuffer(repeating: 0, count: 100),
                ByteBuffer(repeating: 255, count: 100_000), try frame(.request), try frame(.hello),
                try frame(.hello, hello) + frame(.request),
            ]
            for bytes in inputs {
                let stranger = try await RawConnection(port: b.port)
                await stranger.send(bytes)
                _ = try await stranger.untilClosed()
            }
            #expect(b.system.counters.connectionsRefused == ["broken": 5, "malformed_hello": 1])
            #expect(try await a.counter(of: b).add(Number(1)) == Number(1))
        }
    }

    /// A log that a stranger can fill is a way to stop a node.
    @Test func refusalsAreToldOnceAWhileForEachReason() async throws {
        let lines = LogLines()
        let b = try await TestNode("b", logger: Logger(label: "test") { _ in lines })
        for _ in 0..<20 {
            let stranger = try await RawConnection(port: b.port)
            await stranger.send(try frame(.hello, ByteBuffer(string: "no hello at all")))
            _ = try await stranger.untilClosed()
            let other = try await RawConnection(port: b.port)
            await other.send(try frame(.request))
            _ = try await other.untilClosed()
        }
        #expect(b.system.counters.connectionsRefused == ["malformed_hello": 20, "broken": 20])
        #expect(lines.all.count == 2)
        #expect(lines.all.contains("connection with 127.0.0.1 refused: the hello cannot be read"))
        await b.shutdown()
    }

    @Test func requestsOfAStrangerThatMeanNothingAreAnswered() async throws {
        try await withPair { _, b in
            let stranger = try await RawConnection(port: b.port)
            await stranger.send(try frame(.hello, hello) + frame(.ready))
            for id in 1...3 as ClosedRange<UInt64> {
                await stranger.send(try frame(.request, id: id, ByteBuffer(repeating: UInt8(id), count: Int(id) * 9)))
            }
            try await wait { b.system.counters.requestsRefused.values.reduce(0, +) == 3 }
            // The same request twice is no request.
            await stranger.send(try frame(.request, id: 9, ByteBuffer(bytes: [7] + Array("counter".utf8) + [5, 0])))
            await b.gate.waitUntil(arrived: 1)
            await stranger.send(try frame(.request, id: 9))
            let answers = try await stranger.untilClosed()
            #expect(answers.readableBytes > 3 * FrameHeader.bytes)
            await b.gate.open()
        }
    }

    @Test(arguments: [0, 3, 40]) func whoeverDoesNotFinishTheHelloIsClosedOn(bytesCount: Int) async throws {
        var settings = PeerSettings.patient
        settings.helloTime = .milliseconds(30)
        let b = try await TestNode("b", settings: settings)
        let stranger = try await RawConnection(port: b.port)
        await stranger.send(try frame(.hello, hello).getSlice(at: 0, length: bytesCount) ?? ByteBuffer())
        _ = try await stranger.untilClosed()
        #expect(b.system.counters.connectionsRefused == ["silent": 1])
        await b.shutdown()
    }

    @Test func connectionsBeyondTheLimitAreClosed() async throws {
        var settings = PeerSettings.patient
        settings.connectionsMax = 2
        try await withPair(TestNode("a"), TestNode("b", settings: settings)) { a, b in
            let counter = try a.counter(of: b)
            #expect(try await counter.add(Number(1)) == Number(1))
            let c = try await TestNode("c")
            c.system.setPeers([b.peer])
            #expect(try await c.counter(of: b).add(Number(1)) == Number(2))
            let stranger = try await RawConnection(port: b.port)
            _ = try await stranger.untilClosed()
            #expect(b.system.counters.connectionsRefused == ["too_many": 1])
            #expect(try await counter.add(Number(1)) == Number(3))
            // One goes, and there is room again.
            await c.shutdown()
            let d = try await TestNode("d")
            d.system.setPeers([b.peer])
            try await wait { (try? await d.counter(of: b).add(Number(1))) != nil }
            await d.shutdown()
        }
    }

    @Test func aCallerThatNeverReadsIsCutOff() async throws {
        try await withPair { _, b in
            let stranger = try await RawConnection(port: b.port)
            try await stranger.channel.setOption(.autoRead, value: false).get()
            await stranger.send(try frame(.hello, hello) + frame(.ready))
            let make = ByteBuffer(bytes: [7] + Array("counter".utf8) + [7, 0, 0x80, 0x80, 0x40])
            var id: UInt64 = 0
            try await wait {
                for _ in 0..<200 {
                    id += 1
                    guard let request = try? frame(.request, id: id, make) else { return true }
                    await stranger.send(request)
                }
                return b.system.counters.connectionsRefused["broken"] != nil
            }
            #expect(b.system.counters.requestsRefused["overloaded", default: 0] > 0)
            try? await stranger.channel.close()
        }
    }

    @Test func aPeerThatAcceptsAndSaysNothingIsGivenUp() async throws {
        let silent = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        var settings = PeerSettings.patient
        settings.helloTime = .milliseconds(30)
        let a = try await TestNode("a", settings: settings)
        let port = try #require(silent.localAddress?.port)
        a.system.setPeers([Peer(name: "b", incarnation: 1, host: "localhost", port: UInt16(port))])
        let counter = try Counter.resolve(
            id: ClusterActorID(node: "b", incarnation: 1, role: "counter"), using: a.system)
        await ClusterActorSystem.$deadline.withValue(.seconds(50)) {
            let error = await #expect(throws: ClusterActorError.self) { try await counter.clear() }
            #expect(error?.kind == "unreachable")
        }
        try await silent.close()
        await a.shutdown()
    }
}

private final class LogLines: LogHandler {
    private let lines = Mutex<[String]>([])
    var metadata: Logger.Metadata {
        get { [:] }
        set {}
    }
    var logLevel: Logger.Level {
        get { .info }
        set {}
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { nil }
        set {}
    }

    var all: [String] { lines.withLock { $0 } }

    func log(event: LogEvent) {
        lines.withLock { $0.append("\(event.message)") }
    }
}

private func + (lhs: ByteBuffer, rhs: ByteBuffer) -> ByteBuffer {
    var both = lhs
    both.writeImmutableBuffer(rhs)
    return both
}
