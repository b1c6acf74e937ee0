import ClusterActors
import ClusterKeys
import Distributed
import LogFormat
import Logging
import NIOCore
import NIOPosix
import Telemetry
import Testing

/// A value for calls of the tests.
struct Number: WireValue, Hashable {
    let value: UInt64

    init(_ value: UInt64) {
        self.value = value
    }

    func encode(into writer: inout ByteWriter) throws(FormatError) {
        writer.writeVarint(value)
    }

    init(decoding reader: inout ByteReader) throws(FormatError) {
        value = try reader.readVarint()
    }
}

/// Bytes of any length.
struct Blob: WireValue {
    let bytes: [UInt8]

    /// At once, not byte by byte: the blobs of some tests are large, and the tests not optimized.
    func isSame(as other: Blob) -> Bool {
        ByteBuffer(bytes: bytes) == ByteBuffer(bytes: other.bytes)
    }

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    func encode(into writer: inout ByteWriter) throws(FormatError) {
        writer.writeVarint(bytes.count)
        writer.write(bytes: bytes)
    }

    init(decoding reader: inout ByteReader) throws(FormatError) {
        let count = try reader.readCount(of: "bytes", max: 16 << 20)
        bytes = Array(try reader.readBytes(count: count))
    }
}

/// A door that calls wait at until the test opens it; it tells how many stand there.
actor Gate {
    private var isOpen = false
    private var inside: [CheckedContinuation<Void, Never>] = []
    private var arrivals: [(count: Int, CheckedContinuation<Void, Never>)] = []
    private(set) var arrived = 0

    func pass() async {
        arrived += 1
        for (_, waiter) in arrivals.filter({ $0.count <= arrived }) { waiter.resume() }
        arrivals.removeAll { $0.count <= arrived }
        if !isOpen { await withCheckedContinuation { inside.append($0) } }
    }

    func open() {
        isOpen = true
        for waiter in inside { waiter.resume() }
        inside = []
    }

    func waitUntil(arrived count: Int) async {
        guard arrived < count else { return }
        await withCheckedContinuation { arrivals.append((count, $0)) }
    }
}

struct Refused: Error, CustomStringConvertible {
    let description: String
}

distributed actor Counter: WireActor {
    typealias ActorSystem = ClusterActorSystem
    private var total: UInt64 = 0
    private let gate: Gate

    static let wireCalls: [WireCall<Counter>] = [
        WireCall(1, "add") { _ = try await $0.add(Number(0)) },
        WireCall(2, "clear") { try await $0.clear() },
        WireCall(3, "refuse") { try await $0.refuse(Number(0)) },
        WireCall(4, "echo") { _ = try await $0.echo(Blob([])) },
        WireCall(5, "wait") { try await $0.wait() },
        WireCall(6, "sum") { _ = try await $0.sum(Number(0), Number(0)) },
        WireCall(7, "make") { _ = try await $0.make(Number(0)) },
        WireCall(8, "hold") { try await $0.hold(Blob([])) },
    ]

    init(gate: Gate = Gate(), actorSystem: ClusterActorSystem) {
        self.actorSystem = actorSystem
        self.gate = gate
    }

    distributed func add(_ number: Number) -> Number {
        total += number.value
        return Number(total)
    }

    distributed func clear() {
        total = 0
    }

    distributed func refuse(_ length: Number) throws {
        throw Refused(description: String(repeating: "é", count: Int(length.value)))
    }

    distributed func echo(_ blob: Blob) -> Blob { blob }

    distributed func wait() async {
        await gate.pass()
    }

    distributed func hold(_ blob: Blob) async {
        await gate.pass()
    }

    distributed func sum(_ first: Number, _ second: Number) -> Number {
        Number(first.value &+ second.value)
    }

    distributed func make(_ count: Number) -> Blob {
        Blob([UInt8](repeating: 7, count: Int(count.value)))
    }
}

extension PeerSettings {
    /// For a machine so busy that a hello takes seconds; tests of what is given up make their own.
    static var patient: PeerSettings {
        var settings = PeerSettings()
        settings.helloTime = .seconds(50)
        settings.connectTime = .seconds(50)
        settings.logEvery = .seconds(3_600)
        return settings
    }
}

/// One node of a test, listening on a port of the system's choice.
struct TestNode {
    static let role = "counter"
    static let flock = FlockID(high: 1, low: 2)

    let system: ClusterActorSystem
    let counter: Counter
    let gate: Gate
    let host: String
    let port: Int

    /// For nodes that come back to their port: connections of other tests, which are all from 127.0.0.1, may get the
    /// same number meanwhile.
    static let hostOfItsOwn = "127.0.0.2"

    init(
        _ name: String, incarnation: UInt64 = 1, flock: FlockID? = Self.flock, keys: KeyRing? = nil,
        host: String = "127.0.0.1", port: Int = 0,
        settings: PeerSettings = PeerSettings.patient,
        logger: Logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    ) async throws {
        let system = ClusterActorSystem(
            node: name, incarnation: incarnation, version: "1.2.3", flock: flock, keys: keys, settings: settings,
            logger: logger)
        await system.register(Counter.self, as: Self.role)
        let gate = Gate()
        self.system = system
        self.gate = gate
        counter = system.start(Self.role) { Counter(gate: gate, actorSystem: system) }
        self.host = host
        self.port = try await system.listen(host: host, port: port)
    }

    var peer: Peer {
        Peer(name: system.node, incarnation: system.incarnation, host: host, port: UInt16(port))
    }

    /// The counter of another node, told of before.
    func counter(of other: TestNode) throws -> Counter {
        try Counter.resolve(id: other.system.id(of: Self.role), using: system)
    }

    func shutdown() async {
        await gate.open()
        await system.shutdown()
    }
}

/// So many tests share few cores that a call may wait long for a thread: calls that set no deadline have a long one.
struct PatientCalls: SuiteTrait, TestTrait, TestScoping {
    static let deadline = Duration.seconds(50)
    let isRecursive = true

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable @concurrent () async throws -> Void
    ) async throws {
        try await ClusterActorSystem.$deadline.withValue(Self.deadline) { try await function() }
    }
}

extension Trait where Self == PatientCalls {
    static var patientCalls: PatientCalls { PatientCalls() }
}

/// Two nodes that know each other; both are gone when the body ends.
func withPair(
    _ first: TestNode, _ second: TestNode, _ body: (TestNode, TestNode) async throws -> Void
) async throws {
    first.system.setPeers([second.peer])
    second.system.setPeers([first.peer])
    do {
        try await ClusterActorSystem.$deadline.withValue(PatientCalls.deadline) { try await body(first, second) }
    } catch {
        await first.shutdown()
        await second.shutdown()
        throw error
    }
    await first.shutdown()
    await second.shutdown()
}

func withPair(
    settings: PeerSettings = PeerSettings.patient, keys: KeyRing? = nil,
    _ body: (TestNode, TestNode) async throws -> Void
) async throws {
    try await withPair(
        TestNode("a", keys: keys, settings: settings), TestNode("b", keys: keys, settings: settings), body)
}

/// Asks again, now and then, until it holds; the suite's time limit ends what never does.
func wait(_ holds: () async -> Bool) async throws {
    while await !holds() {
        try await MultiThreadedEventLoopGroup.singleton.next().scheduleTask(in: .milliseconds(5)) {}.futureResult.get()
    }
}

extension KeyRing {
    /// Keys of one repeated byte each.
    static func of(_ bytes: UInt8...) -> KeyRing? {
        let texts = bytes.map { byte in
            // base64 of 32 equal bytes is ten equal groups of four and one of 2 bytes.
            Base64.encode([UInt8](repeating: byte, count: 32))
        }
        return KeyRing(base64: texts)
    }
}

enum Base64 {
    static func encode(_ bytes: [UInt8]) -> String {
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
        var text = ""
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            var word = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
            var four: [Character] = []
            for _ in 0..<4 {
                four.append(digits[word & 63])
                word >>= 6
            }
            let padding = 3 - group.count
            text += String(four.reversed().prefix(4 - padding)) + String(repeating: "=", count: padding)
        }
        return text
    }
}
