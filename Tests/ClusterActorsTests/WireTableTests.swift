import ClusterActors
import Distributed
import Testing

/// Names on the wire are numbers of ours; what does not fit them is an error on both sides.
@Suite(.timeLimit(.minutes(1))) struct WireTableTests {
    private func newer(_ a: TestNode, _ b: TestNode, role: String = TestNode.role) async throws -> NewerCounter {
        await a.system.register(NewerCounter.self, as: role)
        return try NewerCounter.resolve(
            id: ClusterActorID(node: "b", incarnation: 1, role: role), using: a.system)
    }

    @Test func aCallThatTheOtherVersionLacksNamesThatVersion() async throws {
        try await withPair { a, b in
            let counter = try await newer(a, b)
            await #expect(throws: ClusterActorError.unknownCall(99, peerVersion: "1.2.3")) {
                try await counter.average()
            }
            #expect(b.system.counters.requestsRefused == ["unknown_call": 1])
        }
    }

    /// One byte too many, one argument too few, bytes where none belong: nothing of it runs.
    @Test func argumentsOfAnotherVersionAreRefusedBeforeAnythingRuns() async throws {
        try await withPair { a, b in
            _ = try await b.counter.add(Number(5))
            let counter = try await newer(a, b)
            await #expect(throws: ClusterActorError.malformedCall("3 bytes after the end")) {
                try await counter.add(Blob([1, 2]), Number(3))
            }
            await #expect(throws: ClusterActorError.malformedCall("1 bytes after the end")) {
                try await counter.clear(Number(1))
            }
            await #expect(throws: ClusterActorError.malformedCall("1 bytes needed, 0 left")) {
                try await counter.sum(Number(1))
            }
            #expect(try await b.counter.add(Number(0)) == Number(5))
        }
    }

    @Test func aResultOfAnotherVersionIsAnError() async throws {
        try await withPair { a, b in
            await b.gate.open()
            let counter = try await newer(a, b)
            for call in [
                { @Sendable in _ = try await counter.make(Number(3)) },
                { @Sendable in _ = try await counter.hold(Blob([])) },
            ] {
                let error = await #expect(throws: ClusterActorError.self) { try await call() }
                #expect(error?.kind == "malformed_reply")
            }
        }
    }

    @Test func rolesThatAreNotThereAndTypesThatAreOthers() async throws {
        try await withPair { a, b in
            let nobody = try await newer(a, b, role: "nobody")
            await #expect(throws: ClusterActorError.unknownActor("b#1/nobody")) { try await nobody.average() }
            // The type that runs in a role must be the one that is registered for it.
            await b.system.register(NewerCounter.self, as: TestNode.role)
            let counter = try a.counter(of: b)
            await a.system.register(Counter.self, as: TestNode.role)
            await #expect(throws: ClusterActorError.wrongType("b#1/counter")) { try await counter.clear() }
        }
    }

    @Test func aCallInNoTableIsTheCallersOwnError() async throws {
        try await withPair { a, b in
            let counter = try await newer(a, b)
            let error = await #expect(throws: ClusterActorError.self) { try await counter.inNoTable() }
            #expect(error?.kind == "unregistered")
            #expect(b.system.counters.bytesIn == 0)
        }
    }

    @Test func aTableWithANumberTwiceEndsTheProcessAtItsStart() async {
        await #expect(processExitsWith: .failure) {
            await ClusterActorSystem(node: "n", incarnation: 1).register(DoubledNumber.self, as: "r")
        }
    }

    @Test func aTableWithACallTwiceEndsTheProcessAtItsStart() async {
        await #expect(processExitsWith: .failure) {
            await ClusterActorSystem(node: "n", incarnation: 1).register(DoubledCall.self, as: "r")
        }
    }

    @Test func aProbeThatCallsNothingEndsTheProcessAtItsStart() async {
        await #expect(processExitsWith: .failure) {
            await ClusterActorSystem(node: "n", incarnation: 1).register(NoCall.self, as: "r")
        }
    }
}
