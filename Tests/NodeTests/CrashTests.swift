import NodeHarness
import Telemetry
import Testing

extension NodeTests {
    /// `kill -9` in the middle of traffic: whatever was acknowledged is there after a restart, and nothing twice.
    @Suite(.timeLimit(.minutes(4))) struct CrashTests {
        struct Moment: Sendable, CustomTestStringConvertible {
            let seed: UInt64
            let batches: Int
            let readings: Int

            var testDescription: String { "seed \(seed), \(batches) batches of \(readings)" }
        }

        /// 200,000 readings, and nineteen times fewer; every second time in posts so small that they take the quick way.
        static let moments =
            [Moment(seed: 1, batches: 400, readings: 500)]
            + (2...20).map { Moment(seed: $0, batches: $0 % 2 == 0 ? 16 : 160, readings: $0 % 2 == 0 ? 500 : 50) }

        @Test(arguments: moments)
        func nothingAcknowledgedIsLostAndNothingIsStoredTwice(_ moment: Moment) throws {
            var generator = SeededGenerator(seed: moment.seed)
            let folder = try TemporaryFolder()
            let place = try NodeTests.place(in: folder)
            let traffic = Traffic(batches: moment.batches, of: moment.readings)

            let victim = try NodeProcess.ready(at: place)
            let sentAtDeath = 1 + generator.draw(below: traffic.batchesCount)
            let delay = Int32(generator.draw(below: 60))
            let first = try BatchSender(port: victim.port, connectionsCount: 4).run(
                traffic.batches, bytes: traffic.request
            ) { sent in
                guard sent == sentAtDeath else { return true }
                victim.process.nap(delay)
                victim.process.kill()
                return false
            }
            #expect(victim.process.exit == .signal(9))
            #expect(first.answers.values.allSatisfy { $0.status == 202 })

            // A second death, in the middle of the start.
            if generator.draw(below: 3) == 0 {
                let starting = try NodeProcess(at: place)
                starting.process.nap(Int32(generator.draw(below: 150)))
                starting.process.kill()
            }

            let node = try NodeProcess.ready(at: place)
            let rest = first.unanswered + first.unsent
            #expect(rest.count + first.answers.count == traffic.batchesCount)
            let second = try BatchSender(port: node.port, connectionsCount: 4).run(rest, bytes: traffic.request)
            #expect(second.answers.values.allSatisfy { $0.status == 202 } && second.answers.count == rest.count)

            let ledger = try node.waitForLedger { $0.pending == 0 }
            #expect(ledger.stored == traffic.readingsCount)
            #expect(ledger.accepted == ledger.stored + ledger.duplicates)
            #expect(ledger.duplicates <= first.unanswered.count * moment.readings)
            #expect(ledger.damaged == 0 && ledger.discarded == 0 && ledger.rejected == 0 && ledger.orphaned == 0)
            try NodeTests.stop(node)
            #expect(try Database(place.database).keys() == traffic.keys(of: traffic.batches))
        }

        @Test func aBatchSentTwiceIsStoredOnce() throws {
            let folder = try TemporaryFolder()
            let place = try NodeTests.place(in: folder)
            let traffic = Traffic(batches: 1, of: 1_000)
            let node = try NodeProcess.ready(at: place)
            let connection = try HTTPConnection(port: node.port)
            for _ in 0..<2 {
                try connection.send(traffic.request(0))
                let answer = try connection.readAnswer()
                #expect(answer.status == 202 && answer.text.contains("\"accepted\":1000"))
            }
            let ledger = try node.waitForLedger { $0.pending == 0 }
            #expect(ledger.accepted == 2_000 && ledger.stored == 1_000 && ledger.duplicates == 1_000)
            try NodeTests.stop(node)
            #expect(try Database(place.database).keys() == traffic.keys(of: [0]))
        }

        @Test(arguments: [500, 50])
        func aSupervisorsStopLosesNothingAndIsQuick(readingsPerBatch: Int) throws {
            let folder = try TemporaryFolder()
            let place = try NodeTests.place(in: folder)
            let traffic = Traffic(batches: 400, of: readingsPerBatch)
            let node = try NodeProcess.ready(at: place)
            let outcome = try BatchSender(port: node.port, connectionsCount: 4).run(
                traffic.batches, bytes: traffic.request
            ) { sent in
                if sent == 30 { node.process.send(15) }
                return sent < 200
            }
            // What a supervisor allows before it kills.
            #expect(node.process.wait(.seconds(5)) == .code(0))
            let accepted = outcome.answers.filter { $0.value.status == 202 }.keys
            let refused = outcome.answers.values.filter { $0.status != 202 }
            #expect(refused.allSatisfy { $0.status == 503 && $0.headers["retry-after"] != nil })
            #expect(accepted.count >= 20)

            // Whatever the stop left for later is stored by the next start.
            let next = try NodeProcess.ready(at: place)
            let ledger = try next.waitForLedger { $0.pending == 0 }
            try NodeTests.stop(next)
            let stored = try Database(place.database).keys()
            #expect(stored.count == ledger.stored && ledger.accepted == ledger.stored)
            let surplus = stored - traffic.keys(of: accepted)
            #expect(surplus.count >= 0 && surplus.count <= outcome.unanswered.count * readingsPerBatch)
            #expect(surplus.count % readingsPerBatch == 0, "a batch is accepted whole or not at all")
            if surplus.count == 0 { #expect(surplus.sum == 0) }
        }
    }
}
