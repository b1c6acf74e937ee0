import Foundation
import Testing

/// The scripts of `cluster/`, over programs that only pretend.
@Suite(.timeLimit(.minutes(2))) struct ClusterScriptTests {
    @Test func aClusterStartsStopsAndStartsAgain() throws {
        try FakeCluster.use { cluster in
            let up = try cluster.run("up", "--detach", "--devices", "7")
            let address = "127.0.0.1:\(cluster.port)"
            #expect(up.status == 0 && up.output.contains("http://\(address)/"), "\(up.output)")
            #expect(try cluster.read("run/n0.log").contains("--http \(address) --gossip 127.0.0.1:7946"))
            #expect(cluster.waitUntil("run/simulate.log", says: "--server http://\(address) --devices 7"))

            let second = try cluster.run("up", "--detach")
            #expect(second.status == 1 && second.output.contains("already runs"))
            let again = try cluster.run("start", "0")
            #expect(again.status == 1 && again.output.contains("n0 runs already"))

            #expect(try cluster.run("kill", "0").status == 0)
            #expect(try !cluster.read("run/n0.log").contains("bye"), "no grace")
            #expect(try cluster.run("kill", "0").status == 1, "it is dead")
            #expect(try cluster.run("start", "0").status == 0)
            #expect(try cluster.run("stop", "0").status == 0)
            #expect(try cluster.read("run/n0.log").contains("bye"), "with grace")
            #expect(try cluster.run("start", "0").status == 0)

            let node = try #require(try cluster.pid("n0"))
            let devices = try #require(try cluster.pid("simulate"))
            #expect(kill(node, 0) == 0 && kill(devices, 0) == 0)
            #expect(try cluster.run("down").status == 0)
            #expect(!isRunning(node) && !isRunning(devices))
            #expect(cluster.exists("run/n0.log"), "the data stays")
            #expect(try cluster.run("down", "--purge").status == 0)
            #expect(!cluster.exists("run"))
        }
    }

    /// A process that ended and that nobody has asked about yet does not run.
    private func isRunning(_ pid: Int32) -> Bool {
        guard let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8) else { return false }
        return stat.split(separator: ")").last?.hasPrefix(" Z") == false
    }

    @Test func aPidThatWentToAnotherProcessIsLeftAlone() throws {
        try FakeCluster.use { cluster in
            #expect(try cluster.run("up", "--detach", "--devices", "0").status == 0)
            #expect(try cluster.run("stop", "0").status == 0)
            // This very process: a kill would end the tests.
            try "\(getpid()) 1\n".write(
                to: cluster.folder.appending(path: "run/n0.pid"), atomically: true, encoding: .utf8)
            #expect(try cluster.run("kill", "0").status == 1)
            #expect(try cluster.run("stop", "0").status == 1)
            let down = try cluster.run("down")
            #expect(down.status == 0 && down.output.contains("Nothing was running"))
        }
    }

    @Test func aNodeThatFailsIsToldWithTheEndOfItsLog() throws {
        try FakeCluster.use(program: FakeCluster.badNode) { cluster in
            let up = try cluster.run("up", "--detach")
            #expect(up.status == 1)
            #expect(up.output.contains("cannot open the store") && up.output.contains("n0 stopped while it started"))
            #expect(!cluster.exists("run/n0.pid"))
        }
    }

    @Test(arguments: [
        (["up", "3"], 1, "this version runs one node"), (["up", "--postgres"], 1, "not in this version yet"),
        (["up", "many"], 64, "no number of nodes"), (["up", "1", "2"], 64, "unexpected argument '2'"),
        (["up", "--devices"], 64, "--devices needs a number"), (["up", "--devices", "-1"], 64, "no number of devices"),
        (["up", "--fast"], 64, "unknown option '--fast'"), (["add"], 1, "a later version"),
        (["kill"], 64, "which node?"),
        (["kill", "0"], 1, "start one with cluster/up"), (["stop", "postgres"], 1, "run no postgres"),
        (["start", "x"], 64, "no number of a node"), (["down", "--all"], 64, "unexpected argument"),
        (["down"], 0, "No cluster"), (["up", "--help"], 0, "Examples:"), (["kill", "--help"], 0, "Example:"),
    ])
    func whatCannotBeIsRefusedWithAReason(command: [String], status: Int32, text: String) throws {
        try FakeCluster.use { cluster in
            let arguments = Array(command.dropFirst())
            let result =
                switch arguments.count {
                case 0: try cluster.run(command[0])
                case 1: try cluster.run(command[0], arguments[0])
                default: try cluster.run(command[0], arguments[0], arguments[1])
                }
            #expect(result.status == status && result.output.contains(text), "\(result.status) \(result.output)")
        }
    }

    @Test func aPortOfAnotherProgramIsNamed() throws {
        try FakeCluster.use { cluster in
            let listener = try LoopbackListener()
            let port = listener.port
            cluster.set("STARLING_HTTP_BASE", to: "\(port)")
            let up = try cluster.run("up", "--detach")
            #expect(up.status == 1 && up.output.contains("port \(port) of 127.0.0.1 is taken"), "\(up.output)")
            withExtendedLifetime(listener) {}
        }
    }

    @Test func aMissingOrOldSwiftIsExplained() throws {
        try FakeCluster.use { cluster in
            try cluster.install("bin/swift", "#!/bin/bash\necho 'Swift version 5.10 (fake)'\n")
            let old = try cluster.run("up", "--detach")
            #expect(old.status == 1 && old.output.contains("Swift 5.10 in PATH is too old"))
            try cluster.install("bin/swift", "#!/bin/bash\n[[ $1 == --version ]] && echo 'Swift version 6.3 (fake)'\n")
            let failing = try cluster.run("up", "--detach")
            #expect(failing.status == 1 && failing.output.contains("the build failed"))
        }
    }
}
