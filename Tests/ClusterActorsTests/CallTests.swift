import ClusterActors
import Distributed
import LogFormat
import Telemetry
import Testing

/// Calls between two systems of this process, over real sockets.
@Suite(.timeLimit(.minutes(1))) struct CallTests {
    @Test func aCallReachesTheOtherNodeAndItsReplyComesBack() async throws {
        try await withPair { a, b in
            let counter = try a.counter(of: b)
            #expect(try await counter.add(Number(2)) == Number(2))
            #expect(try await counter.add(Number(3)) == Number(5))
            #expect(try await b.counter.add(Number(1)) == Number(6))
            #expect(try await counter.sum(Number(300), Number(4)) == Number(304))
            try await counter.clear()
            #expect(try await counter.add(Number(1)) == Number(1))
            #expect(a.system.counters.callsAnswered == 5)
            #expect(b.system.counters.requestsServed == 5)
            #expect(a.system.counters.connectionsMade == 1)
        }
    }

    @Test func bothDirectionsAtOnce() async throws {
        try await withPair { a, b in
            let there = try a.counter(of: b)
            let here = try b.counter(of: a)
            try await withThrowingTaskGroup { group in
                for _ in 0..<50 {
                    group.addTask { _ = try await there.add(Number(1)) }
                    group.addTask { _ = try await here.add(Number(1)) }
                }
                try await group.waitForAll()
            }
            #expect(try await a.counter.add(Number(0)) == Number(50))
            #expect(try await b.counter.add(Number(0)) == Number(50))
        }
    }

    @Test func whatAnActorThrowsArrivesAsBoundedText() async throws {
        try await withPair { a, b in
            let counter = try a.counter(of: b)
            await #expect(throws: ClusterActorError.remote("éé")) { try await counter.refuse(Number(2)) }
            await #expect(throws: ClusterActorError.remote(String(repeating: "é", count: 256))) {
                try await counter.refuse(Number(5_000))
            }
        }
    }
}
