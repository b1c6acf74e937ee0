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

/// Many calls, large ones, and the limits between.
@Suite(.timeLimit(.minutes(1))) struct LoadTests {
    @Test(arguments: [false, true]) func aThousandCallsAtOnceOverOneConnection(sealed: Bool) async throws {
        try await withPair(keys: sealed ? .of(1) : nil) { a, b in
            let counter = try a.counter(of: b)
            try await withThrowingTaskGroup { group in
                for index in UInt64(0)..<1_000 {
                    group.addTask {
                        let sum = try await counter.sum(Number(index), Number(1))
                        #expect(sum == Number(index + 1))
                    }
                }
                try await group.waitForAll()
            }
            #expect(b.system.counters.connectionsAccepted == 1)
        }
    }

    @Test(arguments: [false, true]) func largeMessagesAndSmallOnesShareAConnection(sealed: Bool) async throws {
        try await withPair(keys: sealed ? .of(1) : nil) { a, b in
            let counter = try a.counter(of: b)
            try await ClusterActorSystem.$deadline.withValue(.seconds(50)) {
                try await withThrowingTaskGroup { group in
                    for size in 1...6 {
                        group.addTask {
                            let blob = try await counter.make(Number(UInt64(size) << 20))
                            #expect(blob.isSame(as: Blob([UInt8](repeating: 7, count: size << 20))))
                        }
                        group.addTask { _ = try await counter.add(Number(1)) }
                        group.addTask {
                            let blob = Blob([UInt8](repeating: UInt8(size), count: size * 100_000))
                            let echo = try await counter.echo(blob)
                            #expect(echo.isSame(as: blob))
                        }
                    }
                    try await group.waitForAll()
                }
            }
        }
    }

    @Test func whatIsTooLargeIsRefusedWhereItIsMade() async throws {
        try await withPair { a, b in
            let counter = try a.counter(of: b)
            let error = await #expect(throws: ClusterActorError.self) {
                try await counter.echo(Blob([UInt8](repeating: 0, count: PeerLimits.messageBytesMax)))
            }
            #expect(error?.kind == "too_large")
            let other = await #expect(throws: ClusterActorError.self) {
                try await counter.make(Number(UInt64(PeerLimits.messageBytesMax)))
            }
            #expect(other?.kind == "remote" && other?.description.contains("send less") == true)
            #expect(try await counter.add(Number(1)) == Number(1))
        }
    }

    @Test func aCallBeyondTheBudgetWaitsForRoomAndAtItsDeadlineFails() async throws {
        var settings = PeerSettings.patient
        settings.budgetBytes = 1_000
        try await withPair(settings: settings) { a, b in
            let counter = try a.counter(of: b)
            let blob = Blob([UInt8](repeating: 1, count: 700))
            try await ClusterActorSystem.$deadline.withValue(.seconds(50)) {
                async let first: Void = counter.hold(blob)
                await b.gate.waitUntil(arrived: 1)
                async let second: Void = counter.hold(blob)
                await ClusterActorSystem.$deadline.withValue(.milliseconds(50)) {
                    await #expect(throws: ClusterActorError.overloaded("b#1")) { try await counter.hold(blob) }
                }
                #expect(await b.gate.arrived == 1)
                await b.gate.open()
                _ = try await (first, second)
                #expect(await b.gate.arrived == 2)
            }
        }
    }

    @Test func aCalleeAnswersWhatItCannotRunAtOnce() async throws {
        var settings = PeerSettings.patient
        settings.runningMax = 2
        try await withPair(settings: settings) { a, b in
            let counter = try a.counter(of: b)
            async let first: Void = counter.wait()
            async let second: Void = counter.wait()
            await b.gate.waitUntil(arrived: 2)
            await #expect(throws: ClusterActorError.overloaded("b#1/counter")) { try await counter.wait() }
            await b.gate.open()
            _ = try await (first, second)
            #expect(b.system.counters.requestsRefused == ["overloaded": 1])
        }
    }
}
