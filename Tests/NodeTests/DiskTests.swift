import Foundation
import NodeHarness
import Testing

extension NodeTests {
    /// Disks that are full, read-only, or not what they should be.
    @Suite(.timeLimit(.minutes(2))) struct DiskTests {
        private static let mebibytes = 24

        @Test(.enabled(if: SmallDisk.mayMount, "needs the right to mount a small disk: run the tests as root"))
        func aFullDiskIsAnAnswerAndNotAnAccident() throws {
            let folder = try TemporaryFolder()
            let disk = try SmallDisk(at: folder.file("disk"), mebibytes: Self.mebibytes)
            // A small log takes its space in small pieces, so that the next is soon asked for.
            var place = try NodeTests.place(in: folder, ["--log-limit", "16MiB"])
            place.dataFolder = disk.path + "/data"
            place.database = disk.path + "/starling.db"
            let node = try NodeProcess.ready(at: place)
            // Long names fill it sooner.
            let name = String(repeating: "long-", count: 20)
            let traffic = Traffic(batches: 100, of: 500, devices: 500, named: name)
            let connection = try HTTPConnection(port: node.port)
            func post(_ batch: Int) throws -> HTTPConnection.Answer {
                try connection.send(traffic.request(batch))
                return try connection.readAnswer()
            }
            #expect(try post(0).status == 202)
            try disk.fill()

            // What was set aside for the log still takes some; then the client is told.
            var batch = 1
            var accepted = [0]
            var refusal: HTTPConnection.Answer?
            while refusal == nil, batch < traffic.batchesCount {
                let answer = try post(batch)
                if answer.status == 202 { accepted.append(batch) } else { refusal = answer }
                batch += 1
            }
            let told = try #require(refusal)
            #expect(told.status == 503)
            #expect(told.headers["retry-after"] != nil)
            #expect(told.headers["content-type"]?.hasPrefix("application/problem+json") == true)
            #expect(told.text.contains("full"))
            #expect(node.process.isRunning)
            #expect(try node.get("/livez").status == 200)
            #expect(node.log.contains("the ingest log takes no readings"))

            try disk.free()
            let last = traffic.batchesCount - 1
            #expect(try post(last).status == 202, "room was made")
            accepted.append(last)
            let expected = traffic.keys(of: accepted)
            let ledger = try node.waitForLedger { $0.pending == 0 }
            #expect(ledger.stored == expected.count && ledger.accepted == expected.count)
            try NodeTests.stop(node)
            #expect(try Database(place.database).keys() == expected)
        }

        /// A node that must not start: exit 1, and a log that names the folder and says what to do.
        private func expectRefusal(_ place: NodeProcess.Place, naming words: [String]) throws {
            let node = try NodeProcess(at: place)
            #expect(node.process.wait(.seconds(20)) == .code(1))
            for word in words { #expect(node.log.contains(word), "\(node.log)") }
        }

        @Test(.enabled(if: SmallDisk.mayMount, "needs the right to mount a small disk: run the tests as root"))
        func aReadOnlyDataFolderStopsTheStart() throws {
            let folder = try TemporaryFolder()
            let disk = try SmallDisk(at: folder.file("disk"), mebibytes: 1)
            var place = try NodeTests.place(in: folder)
            place.dataFolder = disk.path
            try disk.makeReadOnly()
            try expectRefusal(place, naming: ["Read-only file system", disk.path, "--data-dir"])
        }

        @Test func aFileInPlaceOfTheDataFolderStopsTheStart() throws {
            let folder = try TemporaryFolder()
            let place = try NodeTests.place(in: folder)
            _ = try folder.write("not a folder", to: "data")
            try expectRefusal(place, naming: ["is not a folder", place.dataFolder, "--data-dir"])
        }

        @Test func aDatabaseOfAnotherProgramStopsTheStart() throws {
            let folder = try TemporaryFolder()
            let place = try NodeTests.place(in: folder)
            _ = try folder.write("SQLite format 3? No: a text.", to: "starling.db")
            try expectRefusal(place, naming: [place.database])
            #expect(FileManager.default.contents(atPath: place.database)?.count == 28, "left as it was")
        }

        @Test func aSecondNodeOnTheSameFolderIsRefused() throws {
            let folder = try TemporaryFolder()
            let place = try NodeTests.place(in: folder)
            let node = try NodeProcess.ready(at: place)
            var second = place
            second.database = folder.file("other.db")
            second.logFile = folder.file("second.log")
            try expectRefusal(second, naming: ["is in use by process \(node.process.pid)", "--data-dir"])
            #expect(try node.get("/readyz").status == 200, "the first goes on")
            try NodeTests.stop(node)
        }
    }
}
