import LogFormat
import NodeHarness
import Telemetry
import Testing

extension NodeTests {
    /// What a crash or a bad disk leaves of the ingest log, and what the node makes of it.
    @Suite(.timeLimit(.minutes(2))) struct LogDamageTests {
        private static let traffic = Traffic(batches: 12, of: 100)

        /// A node that died with all its readings in the log and none in the store, whose writers another process held
        /// up.
        private func deadNode(in folder: TemporaryFolder) throws -> NodeProcess.Place {
            let place = try NodeTests.place(in: folder)
            let node = try NodeProcess.ready(at: place)
            let holder = try Database(place.database)
            try holder.execute("BEGIN IMMEDIATE")
            let outcome = try BatchSender(port: node.port, connectionsCount: 1).run(
                Self.traffic.batches, bytes: Self.traffic.request)
            #expect(outcome.answers.values.allSatisfy { $0.status == 202 })
            #expect(try node.ledger().pending == Self.traffic.readingsCount)
            node.process.kill()
            try holder.execute("ROLLBACK")
            return place
        }

        /// Starts the node again, lets it store everything, and compares with what should be there.
        private func recover(
            _ place: NodeProcess.Place, expected: KeySum, damaged: Int, logged message: String
        ) throws {
            let node = try NodeProcess.ready(at: place)
            let ledger = try node.waitForLedger { $0.pending == 0 }
            #expect(ledger.stored == expected.count)
            #expect(ledger.damaged == damaged)
            #expect(ledger.accepted == expected.count + damaged)
            #expect(ledger.isClosed)
            #expect(node.log.contains(message), "\(node.log.suffix(2_000))")

            // It goes on as ever.
            let more = Traffic(batches: 13, of: 100)
            try HTTPConnection(port: node.port).send(more.request(12))
            _ = try node.waitForLedger { $0.stored == expected.count + 100 }
            try NodeTests.stop(node)
            #expect(try Database(place.database).keys() == expected + more.keys(of: [12]))
        }

        @Test func aTornRecordAtTheEndIsCut() throws {
            let folder = try TemporaryFolder()
            let place = try deadNode(in: folder)
            // The first half of a record: the write that the crash interrupted.
            var log = try LogFile(newestIn: place.dataFolder)
            let model = try #require(log.records.first { $0.isReadings })
            let half = log.bytes[model.offset..<model.offset + model.frame.totalBytes / 2]
            try log.write(Array(half), at: log.writtenEnd)
            try recover(
                place, expected: Self.traffic.keys(of: Self.traffic.batches), damaged: 0,
                logged: "torn end was cut")
        }

        @Test func aTruncatedLastRecordCostsThatRecordAlone() throws {
            let folder = try TemporaryFolder()
            let place = try deadNode(in: folder)
            var log = try LogFile(newestIn: place.dataFolder)
            let last = try #require(log.records.last)
            var expected = Self.traffic.keys(of: Self.traffic.batches)
            if last.isReadings { expected = expected - KeySum(try log.readings(of: last)) }
            try log.truncate(to: last.offset + last.frame.totalBytes / 2)
            try recover(place, expected: expected, damaged: 0, logged: "torn end was cut")
        }

        @Test func aFlippedByteInTheMiddleCostsThatRecordAlone() throws {
            let folder = try TemporaryFolder()
            let place = try deadNode(in: folder)
            var log = try LogFile(newestIn: place.dataFolder)
            let readings = log.records.filter(\.isReadings)
            try #require(readings.count >= 3)
            let victim = readings[readings.count / 2]
            let lost = KeySum(try log.readings(of: victim))
            let middle = victim.offset + victim.frame.totalBytes / 2
            try log.write([log.bytes[middle] ^ 0x10], at: middle)
            try recover(
                place, expected: Self.traffic.keys(of: Self.traffic.batches) - lost, damaged: lost.count,
                logged: "the ingest log is damaged")
        }
    }
}

extension KeySum {
    init(_ batch: ReadingBatch) {
        self.init()
        for index in 0..<batch.count {
            let reading = batch[index]
            add(
                device: reading.series.device.text, metric: reading.series.metric.text,
                time: reading.time.microseconds, value: reading.value)
        }
    }
}
