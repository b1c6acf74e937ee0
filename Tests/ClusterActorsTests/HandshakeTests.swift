import ClusterActors
import ClusterKeys
import Distributed
import Telemetry
import Testing

/// Who gets along with whom, over real sockets.
@Suite(.timeLimit(.minutes(5)), .patientCalls) struct HandshakeTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var flocks: (FlockID?, FlockID?) = (TestNode.flock, TestNode.flock)
        var keys: ([UInt8], [UInt8]) = ([], [])
        let refusal: Refusal?
    }

    static let other = FlockID(high: 3, low: 4)
    static let cases = [
        Case(testDescription: "another flock", flocks: (TestNode.flock, other), refusal: .otherFlock),
        Case(testDescription: "the caller does not know its flock yet", flocks: (nil, other), refusal: nil),
        Case(testDescription: "the callee does not know its flock yet", flocks: (other, nil), refusal: nil),
        Case(testDescription: "one key", keys: ([1], [1]), refusal: nil),
        Case(testDescription: "other keys", keys: ([1], [2]), refusal: .unknownKey),
        Case(testDescription: "the callee has the new key behind the old", keys: ([2, 1], [1, 2]), refusal: nil),
        Case(testDescription: "the callee has the new key alone", keys: ([1, 2], [2]), refusal: .unknownKey),
        Case(testDescription: "the caller has no key", keys: ([], [1]), refusal: .clearText),
        Case(testDescription: "the callee has no key", keys: ([1], []), refusal: .sealedText),
    ]

    private func ring(_ bytes: [UInt8]) -> KeyRing? {
        guard !bytes.isEmpty else { return nil }
        return KeyRing(base64: bytes.map { Base64.encode([UInt8](repeating: $0, count: 32)) })
    }

    @Test(arguments: cases) func thoseThatFitTalkAndTheOthersLearnWhyNot(_ the: Case) async throws {
        let a = try await TestNode("a", flock: the.flocks.0, keys: ring(the.keys.0))
        let b = try await TestNode("b", flock: the.flocks.1, keys: ring(the.keys.1))
        try await withPair(a, b) { a, b in
            let counter = try a.counter(of: b)
            guard let refusal = the.refusal else {
                #expect(try await counter.add(Number(2)) == Number(2))
                return
            }
            await #expect(throws: ClusterActorError.refused("b#1", refusal)) { try await counter.add(Number(2)) }
            #expect(a.system.counters.connectionsRefused == [refusal.kind: 1])
            #expect(b.system.counters.connectionsRefused == [refusal.kind: 1])
            #expect(b.system.counters.requestsServed == 0)
        }
    }

    /// Neither knew its flock when they met; then each learns another one.
    @Test func aFlockLearnedLaterIsAskedForAgain() async throws {
        try await withPair(TestNode("a", flock: nil), TestNode("b", flock: nil)) { a, b in
            let counter = try a.counter(of: b)
            #expect(try await counter.add(Number(1)) == Number(1))
            b.system.setFlock(Self.other)
            a.system.setFlock(TestNode.flock)
            try await wait {
                do {
                    _ = try await counter.add(Number(1))
                    return false
                } catch {
                    return error as? ClusterActorError == .refused("b#1", .otherFlock)
                }
            }
        }
    }

    @Test func theSameFlockLearnedByBothKeepsThemTalking() async throws {
        try await withPair(TestNode("a", flock: nil), TestNode("b")) { a, b in
            let counter = try a.counter(of: b)
            #expect(try await counter.add(Number(1)) == Number(1))
            a.system.setFlock(TestNode.flock)
            #expect(try await counter.add(Number(1)) == Number(2))
            #expect(a.system.counters.connectionsMade == 1)
        }
    }
}
