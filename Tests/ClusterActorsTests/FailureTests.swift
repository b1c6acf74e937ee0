import ClusterActors
import Distributed
import NIOCore
import NIOPosix
import Testing

/// Peers that die, leave, stand still or come back: a call ends with the reason, and no later than it must.
@Suite(.timeLimit(.minutes(5)), .patientCalls) struct FailureTests {
    /// Longer than a test may take: what fails within it was not waited for.
    private static let never: Duration = .seconds(300)

    private func error(of body: () async throws -> Void) async -> ClusterActorError? {
        await ClusterActorSystem.$deadline.withValue(Self.never) {
            await #expect(throws: ClusterActorError.self) { try await body() }
        }
    }

    @Test func aNodeThatIsNoPeerIsUnknownAtOnce() async throws {
        try await withPair { a, b in
            let counter = try a.counter(of: b)
            a.system.setPeers([])
            #expect(await error { try await counter.clear() } == .unknownNode("b#1/counter"))
            #expect(throws: ClusterActorError.unknownNode("b#1/counter")) { try a.counter(of: b) }
        }
    }

    @Test func aCallEndsAtItsDeadline() async throws {
        try await withPair { a, b in
            let counter = try a.counter(of: b)
            await ClusterActorSystem.$deadline.withValue(.milliseconds(50)) {
                await #expect(throws: ClusterActorError.deadlineExceeded("b#1", after: .milliseconds(50))) {
                    try await counter.wait()
                }
            }
            // The connection is as good as before, and the late answer goes nowhere.
            await b.gate.open()
            #expect(try await counter.add(Number(1)) == Number(1))
        }
    }

    @Test func aShorterDeadlineBehindALongerOneIsKept() async throws {
        try await withPair { a, b in
            let counter = try a.counter(of: b)
            async let long: Void = ClusterActorSystem.$deadline.withValue(Self.never) { try await counter.wait() }
            await b.gate.waitUntil(arrived: 1)
            await ClusterActorSystem.$deadline.withValue(.milliseconds(20)) {
                await #expect(throws: ClusterActorError.self) { try await counter.wait() }
            }
            await b.gate.open()
            try await long
        }
    }

    @Test func aPeerTakenOffTheListFailsItsCallsAtOnce() async throws {
        try await withPair { a, b in
            let counter = try a.counter(of: b)
            async let failed = error { try await counter.wait() }
            await b.gate.waitUntil(arrived: 1)
            a.system.setPeers([])
            #expect(await failed == .nodeGone("b#1"))
            #expect(a.system.counters.callsFailed == ["node_gone": 1])
        }
    }

    @Test func aConnectionThatBreaksFailsItsCallsAtOnce() async throws {
        var settings = PeerSettings.patient
        settings.drainTime = .milliseconds(1)
        try await withPair(settings: settings) { a, b in
            let counter = try a.counter(of: b)
            async let failed = error { try await counter.wait() }
            await b.gate.waitUntil(arrived: 1)
            async let ended: Void = b.system.shutdown()
            let error = await failed
            #expect(error == .connectionLost("b#1", reason: "closed by the other side"))
            await b.gate.open()
            await ended
        }
    }

    @Test func aStopLetsTheRepliesOfRunningCallsLeave() async throws {
        var settings = PeerSettings.patient
        settings.drainTime = Self.never
        try await withPair(settings: settings) { a, b in
            let counter = try a.counter(of: b)
            async let running: Void = ClusterActorSystem.$deadline.withValue(Self.never) { try await counter.wait() }
            await b.gate.waitUntil(arrived: 1)
            async let ended: Void = b.system.shutdown()
            // Until the stop is known, calls are served; then they are refused, on the very same connection.
            var refusal: ClusterActorError?
            try await wait {
                do { _ = try await counter.add(Number(1)) } catch { refusal = error as? ClusterActorError }
                return refusal != nil
            }
            #expect(refusal == .nodeGone("b#1/counter"))
            await b.gate.open()
            try await running
            await ended
        }
    }

    @Test func aRestartedNodeIsCalledByItsNewIncarnation() async throws {
        let a = try await TestNode("a")
        let old = try await TestNode("b", incarnation: 1, host: TestNode.hostOfItsOwn)
        a.system.setPeers([old.peer])
        let before = try a.counter(of: old)
        #expect(try await before.add(Number(1)) == Number(1))
        await old.shutdown()
        let new = try await TestNode("b", incarnation: 2, host: old.host, port: old.port)
        // Membership has not noticed: the callee itself says that it is another.
        try await wait { await error { _ = try await before.add(Number(1)) } == .nodeGone("b#1") }
        a.system.setPeers([new.peer])
        #expect(await error { _ = try await before.add(Number(1)) } == .nodeGone("b#1/counter"))
        #expect(try await a.counter(of: new).add(Number(7)) == Number(7))
        await a.shutdown()
        await new.shutdown()
    }

    @Test func aPeerThatIsNotThereFailsAtOnceAndLaterIsTriedAgain() async throws {
        let a = try await TestNode("a")
        let first = try await TestNode("b", host: TestNode.hostOfItsOwn)
        await first.shutdown()
        a.system.setPeers([first.peer])
        let counter = try a.counter(of: first)
        #expect(await error { try await counter.clear() }?.kind == "unreachable")
        // While nobody is tried again, calls fail with the reason at once.
        #expect(await error { try await counter.clear() }?.kind == "unreachable")
        let second = try await TestNode("b", host: first.host, port: first.port)
        var answer: Number?
        try await wait {
            answer = try? await counter.add(Number(3))
            return answer != nil
        }
        #expect(answer == Number(3))
        await a.shutdown()
        await second.shutdown()
    }

    @Test func aCancelledCallerWaitsNoLonger() async throws {
        try await withPair { a, b in
            let counter = try a.counter(of: b)
            let waiting = Task {
                try await ClusterActorSystem.$deadline.withValue(Self.never) { try await counter.wait() }
            }
            await b.gate.waitUntil(arrived: 1)
            waiting.cancel()
            await #expect(throws: CancellationError.self) { try await waiting.value }
            let early = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                try await counter.wait()
            }
            await #expect(throws: CancellationError.self) { try await early.value }
            #expect(a.system.counters.callsFailed == ["cancelled": 2])
            #expect(try await counter.add(Number(1)) == Number(1))
        }
    }

    @Test func aStoppedNodeCallsNobody() async throws {
        try await withPair { a, b in
            let counter = try a.counter(of: b)
            try await counter.clear()
            await a.system.shutdown()
            #expect(await error { try await counter.clear() } == .stopped)
        }
    }
}
