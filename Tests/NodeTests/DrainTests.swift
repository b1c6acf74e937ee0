import NodeHarness
import Testing

extension NodeTests {
    /// `starling drain`: what a node held that does not come back.
    @Suite(.timeLimit(.minutes(2))) struct DrainTests {
        /// As with a password: the address stands in no argument.
        private func drain(_ place: NodeProcess.Place, _ variable: String, _ value: String) throws
            -> ChildProcess.Result
        {
            try ChildProcess.run(
                try Programs.starling(), ["drain", "--data-dir", place.dataFolder],
                environment: Programs.plainEnvironment().merging([variable: value]) { $1 })
        }

        private func drain(_ place: NodeProcess.Place) throws -> ChildProcess.Result {
            try ChildProcess.run(
                try Programs.starling(),
                ["drain", "--data-dir", place.dataFolder, "--store", "sqlite:" + place.database])
        }

        @Test func whatAKilledNodeHeldIsStoredOnce() throws {
            let traffic = Traffic(batches: 20, of: 100)
            let folder = try TemporaryFolder()
            let place = try NodeTests.place(in: folder)
            let node = try NodeProcess.ready(at: place)
            try NodeTests.post(traffic, 0..<10, to: node)
            try NodeTests.settled(node)
            let running = try drain(place)
            #expect(running.exit == .code(1) && !running.errors.isEmpty, "the node has the folder")
            try NodeTests.postUnstored(traffic, 10..<20, to: node, then: .killed)

            let first = try drain(place)
            #expect(first.exit == .code(0), "\(first.errors)")
            #expect(first.output.contains("accepted 2000 = stored 2000 + duplicates 0"), "\(first.output)")
            #expect(try Database(place.database).keys() == traffic.keys(of: traffic.batches))
            let second = try drain(place)
            #expect(second.exit == .code(0) && second.output.contains("holds nothing"), "\(second.output)")
            let address = "sqlite:" + place.database
            let file = try folder.write(address + "\n", to: "store-url")
            for (variable, value) in [
                ("STARLING_STORE", address), ("DATABASE_URL", address), ("STARLING_STORE_FILE", file),
                ("DATABASE_URL_FILE", file),
            ] {
                let third = try drain(place, variable, value)
                #expect(third.exit == .code(0) && third.output.contains("holds nothing"), "\(variable): \(third)")
            }
        }

        @Test func theStoreOfAnotherFlockIsRefused() throws {
            let folder = try TemporaryFolder()
            let elsewhere = try TemporaryFolder()
            // A flock's nodes remember its name.
            let flock = try FlockProcess(2, folder: folder)
            try flock.startAll()
            for index in 0..<2 { #expect(try flock.stop(index) == .code(0)) }
            let other = try NodeTests.place(in: elsewhere)
            try NodeTests.stop(try NodeProcess.ready(at: other))
            var wrong = flock.places[0]
            wrong.database = other.database
            let refused = try drain(wrong)
            #expect(refused.exit == .code(1) && refused.errors.contains("flock"), "\(refused)")
        }

        @Test func whatIsNotThereIsNotMade() throws {
            let folder = try TemporaryFolder()
            var place = try NodeTests.place(in: folder)
            let noStore = try drain(place)
            #expect(noStore.exit == .code(1) && noStore.errors.contains("there is no \(place.database)"))
            let elsewhere = try drain(place, "DATABASE_URL", "sqlite:" + place.database)
            #expect(elsewhere.exit == .code(1) && elsewhere.errors.contains("DATABASE_URL: there is no"))
            let unnamed = try drain(place, "UNRELATED", "x")
            #expect(unnamed.exit == .code(64) && unnamed.errors.contains("STARLING_STORE_FILE"), "\(unnamed)")
            let nonsense = try drain(place, "STARLING_STORE", "mysql://me:secret@db/x")
            #expect(nonsense.exit == .code(64) && nonsense.errors.contains("STARLING_STORE is not valid"))
            #expect(!nonsense.errors.contains("secret"))
            let unreadable = try drain(place, "STARLING_STORE_FILE", folder.file("nowhere"))
            #expect(unreadable.exit == .code(64) && unreadable.errors.contains("STARLING_STORE_FILE: cannot read"))
            try NodeTests.stop(try NodeProcess.ready(at: place))
            place.dataFolder = folder.file("nobody")
            let noLog = try drain(place)
            #expect(noLog.exit == .code(1) && noLog.errors.contains("there is no ingest log"))
        }
    }
}
