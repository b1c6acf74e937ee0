import Foundation
import LogFormat
import NodeHarness
import Telemetry
import Testing

extension NodeTests {
    /// Folders and stores that were emptied, copied, or put back from before: what the log still holds is stored, once.
    @Suite(.timeLimit(.minutes(4))) struct RecoveryTests {
        @Test func anEmptyFolderOnAnOldStoreWorksAndTheOldFolderStoresItsReadings() throws {
            let traffic = Traffic(batches: 30, of: 100)
            let folder = try TemporaryFolder()
            let place = try NodeTests.place(in: folder)
            let lost = try NodeProcess.ready(at: place)
            try NodeTests.post(traffic, 0..<10, to: lost)
            try NodeTests.settled(lost)
            try NodeTests.postUnstored(traffic, 10..<20, to: lost, then: .killed)

            var elsewhere = place
            elsewhere.dataFolder = folder.file("elsewhere")
            elsewhere.logFile = folder.file("elsewhere.log")
            try FileManager.default.moveItem(atPath: place.dataFolder, toPath: elsewhere.dataFolder)
            let fresh = try NodeProcess.ready(at: place)
            #expect(try fresh.ledger().accepted == 0)
            try NodeTests.post(traffic, 20..<25, to: fresh)
            #expect(try NodeTests.settled(fresh).stored == 500)

            let old = try NodeProcess.ready(at: elsewhere)
            try NodeTests.post(traffic, 25..<30, to: old)
            #expect(try NodeTests.settled(old).accepted == 2_500)
            for node in [fresh, old] { try NodeTests.stop(node) }
            let database = try Database(place.database)
            #expect(try database.keys() == traffic.keys(of: traffic.batches))
            #expect(try database.int("SELECT COUNT(*) FROM checkpoints") == 2)
            #expect(try database.int("SELECT SUM(stored) FROM checkpoints") == traffic.readingsCount)
            #expect(try database.int("SELECT SUM(duplicates) FROM checkpoints") == 0)
        }

        @Test(arguments: NodeEnd.allCases)
        func anOldFolderOnAnEmptyStoreStoresAllOfAWholeLog(_ end: NodeEnd) throws {
            let traffic = Traffic(batches: 25, of: 100)
            let folder = try TemporaryFolder()
            let place = try NodeTests.place(in: folder)
            let first = try NodeProcess.ready(at: place)
            try NodeTests.post(traffic, 0..<10, to: first)
            try NodeTests.settled(first)
            try NodeTests.postUnstored(traffic, 10..<20, to: first, then: end)
            try StoreFiles(database: place.database).remove()

            let node = try NodeProcess.ready(at: place)
            try NodeTests.post(traffic, 20..<25, to: node)
            let ledger = try NodeTests.settled(node)
            #expect(ledger.stored == traffic.readingsCount && ledger.duplicates == 0 && ledger.damaged == 0)
            try NodeTests.stop(node)
            #expect(try Database(place.database).keys() == traffic.keys(of: traffic.batches))
        }

        /// A log so small that what is stored is soon trimmed, and names so long that they fill it sooner.
        private func trimmedPlace(in folder: TemporaryFolder) throws -> NodeProcess.Place {
            try NodeTests.place(in: folder, ["--log-limit", "16MiB"])
        }

        private func longTraffic(batches: Int) -> Traffic {
            Traffic(batches: batches, of: 500, devices: 500, named: String(repeating: "long-", count: 20))
        }

        @Test(arguments: NodeEnd.allCases)
        func anOldFolderOnAnEmptyStoreStoresWhatATrimmedLogStillHolds(_ end: NodeEnd) throws {
            let traffic = longTraffic(batches: 130)
            let folder = try TemporaryFolder()
            let place = try trimmedPlace(in: folder)
            let first = try NodeProcess.ready(at: place)
            try NodeTests.post(traffic, 0..<110, to: first)
            try NodeTests.settled(first)
            try NodeTests.postUnstored(traffic, 110..<120, to: first, then: end)
            let held = Set(try LogFile.readings(in: place.dataFolder).map(traffic.number))
            #expect(held.count < 60_000 && held.isSuperset(of: 110 * 500..<120 * 500), "\(held.count) in the log")
            try StoreFiles(database: place.database).remove()

            let node = try NodeProcess.ready(at: place)
            try NodeTests.post(traffic, 120..<130, to: node)
            let ledger = try NodeTests.settled(node)
            #expect(ledger.stored == held.count + 5_000)
            #expect(ledger.duplicates == 0 && ledger.damaged == 0)
            #expect(node.log.contains("The store does not know this node's log"))
            try NodeTests.stop(node)
            let expected = traffic.keys(ofReadings: held) + traffic.keys(of: 120..<130)
            #expect(try Database(place.database).keys() == expected)
        }

        @Test(arguments: NodeEnd.allCases)
        func aCopiedFolderStartedTwiceStoresEveryReadingOnce(_ end: NodeEnd) throws {
            let traffic = Traffic(batches: 140, of: 100)
            let folder = try TemporaryFolder()
            let place = try NodeTests.place(in: folder)
            let first = try NodeProcess.ready(at: place)
            try NodeTests.post(traffic, 0..<10, to: first)
            try NodeTests.settled(first)
            try NodeTests.postUnstored(traffic, 10..<20, to: first, then: end)
            var copy = place
            copy.dataFolder = folder.file("copy")
            copy.logFile = folder.file("copy.log")
            try FileManager.default.copyItem(atPath: place.dataFolder, toPath: copy.dataFolder)

            let nodes = [try NodeProcess.ready(at: place), try NodeProcess.ready(at: copy)]
            let connections = try nodes.map { try HTTPConnection(port: $0.port) }
            for batch in stride(from: 20, to: traffic.batchesCount, by: 2) {
                for (index, connection) in connections.enumerated() {
                    try connection.send(traffic.request(batch + index))
                }
                for connection in connections { #expect(try connection.readAnswer().status == 202) }
            }
            let ledgers = try nodes.map { try NodeTests.settled($0) }
            for node in nodes { try NodeTests.stop(node) }
            let database = try Database(place.database)
            #expect(try database.keys() == traffic.keys(of: traffic.batches))
            #expect(try database.int("SELECT SUM(stored) FROM checkpoints") == traffic.readingsCount)
            #expect(try database.int("SELECT COUNT(*) FROM checkpoints WHERE accepted <> position") == 0)
            #expect(ledgers.allSatisfy { $0.damaged == 0 && $0.discarded == 0 })
            let said = nodes.filter { $0.log.contains("Another process writes under this node's log's name") }
            #expect(said.count == 1, "one goes on under the name, the other says that it gives it up")
        }

        @Test(arguments: NodeEnd.allCases)
        func aCopiedFolderStartedInTurnsStoresEveryReadingOnce(_ end: NodeEnd) throws {
            let traffic = Traffic(batches: 60, of: 100)
            let folder = try TemporaryFolder()
            let place = try NodeTests.place(in: folder)
            let first = try NodeProcess.ready(at: place)
            try NodeTests.post(traffic, 0..<10, to: first)
            try NodeTests.settled(first)
            try NodeTests.postUnstored(traffic, 10..<20, to: first, then: .killed)
            var copy = place
            copy.dataFolder = folder.file("copy")
            copy.logFile = folder.file("copy.log")
            try FileManager.default.copyItem(atPath: place.dataFolder, toPath: copy.dataFolder)
            // The copy accepts what the store does not get, the other as many that it gets: the row fits both logs.
            let behind = try NodeProcess.ready(at: copy)
            try NodeTests.settled(behind)
            try NodeTests.postUnstored(traffic, 20..<30, to: behind, then: .killed)
            for (turn, batch) in stride(from: 30, to: 60, by: 10).enumerated() {
                let node = try NodeProcess.ready(at: turn % 2 == 0 ? place : copy)
                try NodeTests.post(traffic, batch..<batch + 10, to: node)
                try NodeTests.settled(node)
                try end.end(node)
            }
            let database = try Database(place.database)
            #expect(try database.keys() == traffic.keys(of: traffic.batches))
            #expect(try database.int("SELECT SUM(stored) FROM checkpoints") == traffic.readingsCount)
        }

        @Test(arguments: NodeEnd.allCases, [false, true])
        func aStoreOfYesterdayGetsBackWhatTheLogStillHolds(_ end: NodeEnd, isTrimmed: Bool) throws {
            let folder = try TemporaryFolder()
            let place = isTrimmed ? try trimmedPlace(in: folder) : try NodeTests.place(in: folder)
            let batches = isTrimmed ? 120 : 30
            let traffic = isTrimmed ? longTraffic(batches: batches + 10) : Traffic(batches: batches + 10, of: 100)
            let store = StoreFiles(database: place.database)
            let backup = StoreFiles(database: folder.file("backup.db"))
            let yesterday = try NodeProcess.ready(at: place)
            try NodeTests.post(traffic, 0..<10, to: yesterday)
            try NodeTests.settled(yesterday)
            try NodeTests.stop(yesterday)
            try store.copy(to: backup)

            let today = try NodeProcess.ready(at: place)
            try NodeTests.post(traffic, 10..<batches - 10, to: today)
            try NodeTests.settled(today)
            try NodeTests.postUnstored(traffic, batches - 10..<batches, to: today, then: end)
            let held = Set(try LogFile.readings(in: place.dataFolder).map(traffic.number))
            #expect(isTrimmed == (held.count < batches * traffic.readingsPerBatch), "\(held.count) in the log")
            try backup.copy(to: store)

            let node = try NodeProcess.ready(at: place)
            try NodeTests.post(traffic, batches..<batches + 10, to: node)
            let ledger = try NodeTests.settled(node)
            #expect(ledger.orphaned == 0)
            #expect(isTrimmed == (ledger.damaged > 0), "what the log forgot is gone, and said to be")
            try NodeTests.stop(node)
            let kept = held.union((0..<10).flatMap(traffic.readings))
            let expected = traffic.keys(ofReadings: kept) + traffic.keys(of: batches..<batches + 10)
            #expect(try Database(place.database).keys() == expected)
        }
    }

    /// Starts that are refused: a person must look at the disk first.
    @Suite(.timeLimit(.minutes(1))) struct RefusedStartTests {
        /// The folder of a node that stopped in order, with its only segment.
        private func stopped(in folder: TemporaryFolder) throws -> (NodeProcess.Place, LogFile) {
            let place = try NodeTests.place(in: folder)
            let node = try NodeProcess.ready(at: place)
            try NodeTests.post(Traffic(batches: 2, of: 10), 0..<2, to: node)
            try NodeTests.stop(node)
            return (place, try LogFile(newestIn: place.dataFolder))
        }

        private func expectRefusal(_ place: NodeProcess.Place, saying words: [String]) throws {
            let node = try NodeProcess(at: place)
            #expect(node.process.wait(.seconds(20)) == .code(1))
            let line = node.log.split(separator: "\n").last { $0.contains("the node failed") } ?? ""
            for word in words { #expect(line.contains(word), "\(line)") }
        }

        @Test func aLogWithoutAReadableHeader() throws {
            let folder = try TemporaryFolder()
            var (place, segment) = try stopped(in: folder)
            let before = segment.bytes
            try segment.write([segment.bytes[0] ^ 1], at: 0)
            try expectRefusal(place, saying: ["no segment", place.dataFolder, "Restore the folder", "move it away"])
            // It says the truth: put right, the node starts and has lost nothing.
            try segment.write(before, at: 0)
            let node = try NodeProcess.ready(at: place)
            #expect(try node.ledger().accepted == 20)
            try NodeTests.stop(node)
        }

        @Test func aLogOfANewerFormat() throws {
            let folder = try TemporaryFolder()
            var (place, segment) = try stopped(in: folder)
            var header = Array(segment.bytes[..<SegmentHeader.bytesCount])
            header[8] = 9
            let checksum = header.dropLast(4).withUnsafeBytes { CRC32C.checksum(of: $0) }
            for index in 0..<4 { header[header.count - 4 + index] = UInt8(truncatingIfNeeded: checksum >> (8 * index)) }
            try segment.write(header, at: 0)
            try expectRefusal(place, saying: [segment.path, "format 9", "Start the program that wrote it"])
            #expect(LogFile.contents(of: segment.path) == segment.bytes, "left as it was")
        }

        @Test func aStoreOfANewerProgram() throws {
            let folder = try TemporaryFolder()
            let (place, _) = try stopped(in: folder)
            do {
                let database = try Database(place.database)
                try database.execute("UPDATE flock SET schema_version = 999")
            }
            try expectRefusal(place, saying: [place.database, "schema 999", "start a newer starling"])
        }

        @Test func aLogWithSegmentsOfAnother() throws {
            let folder = try TemporaryFolder()
            let other = try TemporaryFolder()
            let (place, segment) = try stopped(in: folder)
            let (_, stray) = try stopped(in: other)
            var bytes = stray.bytes
            // As it would be called were it the next of this log: only its content tells.
            let base = UInt64(20)
            var writer = ByteWriter()
            guard case .valid(let header) = bytes.withUnsafeBytes({ SegmentHeader.check($0) }) else {
                Issue.record("no header")
                return
            }
            SegmentHeader(log: header.log, base: LogPosition(base)).encode(into: &writer)
            bytes.replaceSubrange(0..<SegmentHeader.bytesCount, with: writer.withUnsafeBytes { Array($0) })
            let folderPath = URL(filePath: segment.path).deletingLastPathComponent().path
            let digits = String(base)
            let name = String(repeating: "0", count: 20 - digits.count) + digits + ".segment"
            try Data(bytes).write(to: URL(filePath: folderPath + "/" + name))
            try expectRefusal(place, saying: [name, "another log", "Move the stray ones away"])
        }
    }
}
