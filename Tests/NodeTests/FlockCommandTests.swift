import Foundation
import NodeHarness
import ServerHarness
import Testing

extension NodeTests {
    /// `starling flock`: whose a store is, and a copy that becomes another flock's.
    @Suite(.timeLimit(.minutes(2))) struct FlockCommandTests {
        private func call(_ command: String, _ database: String, _ more: String...) throws -> ChildProcess.Result {
            try ChildProcess.run(
                try Programs.starling(), ["flock", command, "--store", "sqlite:" + database] + more)
        }

        @Test func aCopyGetsAnIDOfItsOwnAndItsOriginalKeepsIts() throws {
            let traffic = Traffic(batches: 4, of: 100)
            let folder = try TemporaryFolder()
            let place = try NodeTests.place(in: folder)
            let node = try NodeProcess.ready(at: place)
            try NodeTests.post(traffic, 0..<4, to: node)
            try NodeTests.settled(node)
            let shown = try call("show", place.database)
            #expect(shown.exit == .code(0) && shown.output.count == 33, "\(shown)")

            let alive = try call("new-id", place.database)
            #expect(alive.exit == .code(1) && alive.output.isEmpty, "\(alive)")
            #expect(alive.errors.contains("another process has the store open") && alive.errors.contains("--force"))
            #expect(try call("show", place.database).output == shown.output)

            // As SQLite copies a file that is in use.
            let copy = folder.file("copy.db")
            try Database(place.database).execute("VACUUM INTO '\(copy)'")
            let fresh = try call("new-id", copy)
            #expect(fresh.exit == .code(1) && fresh.errors.contains("s ago"), "\(fresh)")
            let given = try call("new-id", copy, "--force")
            let words = given.output.split { $0.isWhitespace }
            try #require(given.exit == .code(0) && words.count == 4, "\(given)")
            #expect(words[0] == "old" && words[1] + "\n" == shown.output && words[2] == "new" && words[3] != words[1])
            #expect(try call("show", copy).output == words[3] + "\n")
            #expect(try call("show", place.database).output == shown.output)
            #expect(try Database(copy).keys() == traffic.keys(of: traffic.batches))

            // Beside the original, with its address in --join: it is refused there.
            var other = try NodeTests.place(in: try TemporaryFolder())
            other.database = copy
            other.dataFolder = folder.file("other")
            other.logFile = folder.file("other.log")
            let second = try NodeProcess.ready(at: other)
            #expect(second.log.contains(String(words[3])), "\(second.log)")
            try NodeTests.stop(second)
            try NodeTests.stop(node)
        }

        /// The address holds a password and stands in the environment, as a node has it.
        @Test(.enabled(if: PostgresPrograms.found != nil, .init(rawValue: PostgresPrograms.advice)))
        func aCopiedDatabaseGetsAnIDOfItsOwn() throws {
            let server = try PostgresServer(try #require(PostgresPrograms.found))
            let original = try server.database()
            func call(_ command: String, _ database: String, _ more: String...) throws -> ChildProcess.Result {
                try ChildProcess.run(
                    try Programs.starling(), ["flock", command] + more,
                    environment: Programs.plainEnvironment().merging(
                        ["DATABASE_URL": server.address(database)]
                    ) { $1 })
            }
            let folder = try TemporaryFolder()
            var place = try NodeTests.place(in: folder)
            place.store = server.address(original)
            let node = try NodeProcess.ready(at: place)
            let shown = try call("show", original)
            #expect(shown.exit == .code(0) && shown.output.count == 33, "\(shown)")
            let alive = try call("new-id", original)
            #expect(alive.exit == .code(1), "\(alive)")
            #expect(alive.errors.contains("DATABASE_URL: nodes of flock \(shown.output.dropLast()) seem to be alive"))
            try NodeTests.stop(node)
            try server.run("CREATE DATABASE copy TEMPLATE \(original)", in: "postgres")
            let given = try call("new-id", "copy", "--force")
            #expect(given.exit == .code(0) && given.output.hasPrefix("old \(shown.output)new "), "\(given)")
            #expect(try call("show", "copy").output != shown.output)
            #expect(try call("show", original).output == shown.output)
        }

        @Test func whatIsNoStoreIsNamed() throws {
            let folder = try TemporaryFolder()
            for command in ["show", "new-id"] {
                let missing = try call(command, folder.file("none.db"))
                #expect(missing.exit == .code(1) && missing.errors.contains("there is no"), "\(missing)")
                #expect(!FileManager.default.fileExists(atPath: folder.file("none.db")))
            }
        }
    }
}
