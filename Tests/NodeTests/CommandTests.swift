import Foundation
import NodeHarness
import Testing

extension NodeTests {
    /// The other commands: what they print and how they exit.
    @Suite(.timeLimit(.minutes(1))) struct CommandTests {
        private func run(_ arguments: String...) throws -> ChildProcess.Result {
            try ChildProcess.run(try Programs.starling(), arguments)
        }

        @Test func healthAndClusterTellByTheirExitCodes() throws {
            let folder = try TemporaryFolder()
            let node = try NodeProcess.ready(at: try NodeTests.place(in: folder))
            let url = "http://127.0.0.1:\(node.port)"
            let health = try run("health", "--url", url)
            #expect(health.exit == .code(0) && health.output == "ready\n")
            let table = try run("cluster", "--url", url)
            #expect(table.exit == .code(0))
            #expect(table.output.contains("n0 *") && table.output.contains("alive"))
            let json = try run("cluster", "--url", url, "--json")
            #expect(json.exit == .code(0))
            let view = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any]
            #expect(view?["node"] as? String == "n0")
            try NodeTests.stop(node)

            for command in ["health", "cluster"] {
                let result = try run(command, "--url", url)
                #expect(result.exit == .code(1))
                #expect(result.errors.contains("no answer from \(url)") && result.errors.contains("starling node"))
            }
        }

        @Test func mutesAreSetShownAndLifted() throws {
            let folder = try TemporaryFolder()
            let node = try NodeProcess.ready(at: try NodeTests.place(in: folder))
            let url = "http://127.0.0.1:\(node.port)"
            #expect(try run("mute", "--list", "--url", url).output == "Nothing is muted.\n")
            let muted = try run("mute", "--device", "a+b &", "--for", "1h", "--reason", "repair", "--url", url)
            #expect(muted.exit == .code(0))
            #expect(muted.output.hasPrefix("Muted: device a+b & until ") && muted.output.hasSuffix("(repair)\n"))
            #expect(try run("mute", "--all", "--url", url).output == "Muted: everything until it is lifted\n")
            let list = try run("mute", "--list", "--url", url).output.split(separator: "\n")
            #expect(list.count == 2 && list.last == "everything until it is lifted")
            #expect(try run("mute", "--device", "a+b &", "--lift", "--url", url).output == "Lifted.\n")
            let again = try run("mute", "--device", "a+b &", "--lift", "--url", url)
            #expect(again.exit == .code(1) && again.errors.contains("--list"))
            try NodeTests.stop(node)
        }

        @Test(arguments: [
            ["--version"], ["--help"], ["node", "--help"], ["prune", "--help"], ["mute", "--help"],
            ["simulate", "--help"],
            ["models", "verify", "--help"], ["train", "--help"], ["models", "list", "--help"],
            ["models", "import", "--help"], ["evaluate", "--help"], ["drain", "--help"],
            ["flock", "--help"], ["flock", "show", "--help"], ["flock", "new-id", "--help"],
        ])
        func questionsAboutTheProgramExitWithZero(_ arguments: [String]) throws {
            let result = try ChildProcess.run(try Programs.starling(), arguments)
            #expect(result.exit == .code(0))
            #expect(!result.output.isEmpty && result.errors.isEmpty)
            if arguments.contains("--help") { #expect(result.output.lowercased().contains("example")) }
        }

        @Test(arguments: [
            (["--no-such-flag"], "no-such-flag"), (["node", "--no-such-flag"], "no-such-flag"),
            (["node", "--http", "nonsense"], "--http"), (["node", "--log-limit", "-1"], "--log-limit"),
            (["simulate", "--devices", "0"], "--devices"), (["no-such-command"], "no-such-command"),
            (["health", "--url"], "--url"), (["mute"], "--all"), (["mute", "--all", "--device", "d"], "--all"),
            (["mute", "--all", "--for", "soon"], "--for"),
            (["mute", "--device", "d", "--lift", "--for", "1h"], "--lift"),
            (["mute", "--list", "--all"], "--list"), (["drain", "--data-dir", "x"], "--store"),
            (["flock", "show"], "DATABASE_URL_FILE"), (["flock", "new-id", "--store", "redis://h"], "sqlite:PATH"),
            (["node", "--check", "--http", "nonsense"], "--http"),
        ])
        func mistakesOfUsageAreNamedAndExitWith64(_ arguments: [String], _ word: String) throws {
            let result = try ChildProcess.run(try Programs.starling(), arguments)
            #expect(result.exit == .code(64))
            #expect(result.errors.contains(word) && result.output.isEmpty, "\(result.errors)")
        }

        @Test func aLeaseOverTLSWithoutTheCAsItNamesIsRefused() throws {
            let folder = try TemporaryFolder()
            let authority = folder.file("ca.pem")
            let result = try run(
                "node", "--lease", "rediss://127.0.0.1:1?sslrootcert=\(authority)", "--http", "127.0.0.1:0",
                "--gossip", "127.0.0.1:0", "--data-dir", folder.file("d"), "--store",
                "sqlite:" + folder.file("s.db"))
            #expect(result.exit == .code(1))
            #expect(result.errors.contains("--lease: sslrootcert: \(authority) cannot be read"), "\(result.errors)")
        }

        @Test func pruneSaysWhatItIsFor() throws {
            let result = try run("prune")
            #expect(result.exit == .code(64))
            #expect(result.errors.contains("--dry-run or --approve"), "\(result.errors)")
        }

        @Test func anExportedForestScoresAsItsMakerSays() throws {
            let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .appending(path: "ModelFormatsTests/Parity")
            let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter {
                $0.hasSuffix(".json")
            }
            #expect(files.count == 13)
            struct Report: Decodable {
                let rows: Int
                let max_abs_error: Double
                let label_mismatches: Int
            }
            for file in files.sorted() {
                let result = try run("models", "verify", folder.appending(path: file).path, "--json")
                #expect(result.exit == .code(0), "\(file): \(result.errors)")
                let report = try JSONDecoder().decode(Report.self, from: Data(result.output.utf8))
                #expect(report.rows > 0 && report.label_mismatches == 0 && report.max_abs_error <= 1e-9, "\(file)")
            }
            let other = try TemporaryFolder()
            let broken = try run("models", "verify", try other.write("{\"format\":1}", to: "broken.json"), "--json")
            #expect(broken.exit == .code(1) && broken.errors.contains("broken.json"))
        }
    }
}
