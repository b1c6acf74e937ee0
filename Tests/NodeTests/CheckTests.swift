import Foundation
import NodeHarness
import Testing

extension NodeTests {
    /// `starling node --check`: what a start would make of its settings.
    @Suite(.timeLimit(.minutes(1))) struct CheckTests {
        private static let key = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="

        private func check(
            _ arguments: [String] = [], environment: [String: String] = [:]
        ) throws -> ChildProcess.Result {
            try ChildProcess.run(
                try Programs.starling(), ["node", "--check"] + arguments,
                environment: Programs.plainEnvironment().merging(environment) { $1 })
        }

        @Test func goodSettingsAreShownAndNothingIsStarted() throws {
            let folder = try TemporaryFolder()
            let config = try folder.write(#"{"inactive-after": "5s", "lease": "redis://:hush@127.0.0.1:1"}"#, to: "c")
            let store = try folder.write("postgres://me:hush@127.0.0.1:1/x\n", to: "store")
            let result = try check(
                ["--config", config, "--data-dir", folder.file("data"), "--log-format", "text"],
                environment: ["STARLING_STORE_FILE": store, "STARLING_NAME": "n7", "STARLING_JOINS": "x"])
            #expect(result.exit == .code(0), "\(result)")
            let lines = result.output.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
            for line in [
                "--name n7", "--inactive-after 5s", "--store postgres://***", "--lease redis://***",
                "The settings are good.",
            ] { #expect(lines.contains(line), "\(line)") }
            #expect(!result.output.contains("hush") && !result.errors.contains("hush"))
            #expect(result.errors.contains("STARLING_JOINS is no setting"))
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == ["c", "store"])
        }

        /// As a start would say it.
        @Test(arguments: [
            (["--http", "0.0.0.0:80"], "--insecure-open", 64),
            (["--gossip", "10.0.0.1:7946"], "needs --cluster-key", 64),
            (["--config", "/nowhere"], "--config: cannot read /nowhere", 64),
            (["--lease", "rediss://h?sslrootcert=/nowhere/ca.pem"], "--lease: sslrootcert: /nowhere/ca.pem cannot", 1),
            (["--lease", "rediss://h?sslmode=require"], "--lease: the one parameter that there is", 1),
            (["--store", "postgres://h:1/x?no_such_option=1"], "--store: ", 1),
        ])
        func badSettingsAreNamed(_ arguments: [String], _ words: String, _ code: Int32) throws {
            let result = try check(arguments)
            #expect(result.exit == .code(code), "\(result)")
            #expect(result.errors.contains(words) && result.output.isEmpty, "\(result)")
        }

        @Test func aSecretsFileMustBeThere() throws {
            let result = try check(environment: ["STARLING_CLUSTER_KEY_FILE": "/nowhere/key"])
            #expect(result.exit == .code(64) && result.errors.contains("STARLING_CLUSTER_KEY_FILE: cannot read"))
        }
    }
}
