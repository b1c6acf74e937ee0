import Foundation
import Testing

/// The scripts of `cluster/`, over programs that only pretend.
@Suite(.timeLimit(.minutes(2))) struct ClusterScriptTests {
    @Test func aClusterStartsStopsAndStartsAgain() throws {
        try FakeCluster.use { cluster in
            let up = try cluster.run("up", "1", "--detach", "--devices", "7")
            let address = "127.0.0.1:\(cluster.port)"
            #expect(up.status == 0 && up.output.contains("http://\(address)/"), "\(up.output)")
            let call = "--http \(address) --gossip 127.0.0.1:\(cluster.gossipPort) --data-dir "
            #expect(try cluster.read("run/n0.log").contains(call), "it joins nobody")
            #expect(cluster.waitUntil("run/simulate.log", says: "--server http://\(address) --devices 7"))

            let second = try cluster.run("up", "--detach")
            #expect(second.status == 1 && second.output.contains("already runs"))
            let again = try cluster.run("start", "0")
            #expect(again.status == 1 && again.output.contains("n0 runs already"))

            #expect(try cluster.run("kill", "redis").output.contains("this cluster runs no redis"))
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
            #expect(try cluster.run("up", "1", "--detach", "--devices", "0").status == 0)
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
        (["up", "65"], 64, "too many for one machine"), (["up", "0"], 64, "at least one node"),
        (["up", "many"], 64, "no number of nodes"), (["up", "1", "2"], 64, "unexpected argument '2'"),
        (["up", "--devices"], 64, "--devices needs a number"), (["up", "--devices", "-1"], 64, "no number of devices"),
        (["up", "--fast"], 64, "unknown option '--fast'"), (["add"], 1, "start one with cluster/up"),
        (["add", "2"], 64, "unexpected argument '2'"),
        (["kill"], 64, "which node?"),
        (["kill", "0"], 1, "start one with cluster/up"), (["stop", "postgres"], 1, "start one with cluster/up"),
        (["start", "x"], 64, "no number of a node"), (["kill", "mysql"], 64, "neither postgres nor redis"),
        (["down", "--all"], 64, "unexpected argument"),
        (["down"], 0, "No cluster"), (["up", "--help"], 0, "Examples:"), (["kill", "--help"], 0, "Examples:"),
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

    @Test func everyNodeIsToldOfAllOthers() throws {
        try FakeCluster.use { cluster in
            let up = try cluster.run("up", "--detach", "--devices", "1")
            #expect(up.status == 0 && up.output.contains("3 ready"), "\(up.output)")
            let urls = (0..<3 as Range<UInt16>).map { "http://127.0.0.1:\(cluster.port + $0)" }.joined(separator: ",")
            #expect(cluster.waitUntil("run/simulate.log", says: "--server \(urls) --devices 1"))
            for index in 0..<3 as Range<UInt16> {
                #expect(try cluster.joins(of: index) == cluster.gossip(allBut: index, of: 3))
            }

            let add = try cluster.run("add")
            #expect(add.status == 0 && add.output.contains("n3 is ready: http://127.0.0.1:\(cluster.port + 3)/"))
            #expect(try cluster.joins(of: 3) == cluster.gossip(allBut: 3, of: 4))
            #expect(try cluster.run("kill", "1").status == 0)
            #expect(try cluster.run("start", "1").status == 0)
            #expect(try cluster.joins(of: 1) == cluster.gossip(allBut: 1, of: 4), "the one that was added, too")
            #expect(try cluster.run("stop", "3").status == 0)
            #expect(try cluster.run("stop", "4").output.contains("this cluster has 4"))

            #expect(try cluster.run("down").status == 0)
            for index in 0..<3 { #expect(try cluster.read("run/n\(index).log").contains("bye"), "with grace") }
            let late = try cluster.run("add")
            #expect(late.status == 1 && late.output.contains("no node runs"), "\(late.output)")
        }
    }

    @Test func nodesThatDoNotSeeEachOtherAreNoCluster() throws {
        try FakeCluster.use { cluster in
            cluster.set("FAKE_BLIND", to: "1")
            let library = try cluster.read("cluster/lib.sh").replacing("SEEN_LIMIT=30", with: "SEEN_LIMIT=1")
            try cluster.install("cluster/lib.sh", library)
            let up = try cluster.run("up", "2", "--detach")
            #expect(up.status == 1 && up.output.contains("n0 sees 1 of 2 nodes alive after 1 s"), "\(up.output)")
            #expect(!cluster.exists("run/n0.pid") && !cluster.exists("run/n1.pid"))
        }
    }

    @Test func anAddedNodeThatFailsIsNoneOfTheCluster() throws {
        try FakeCluster.use { cluster in
            #expect(try cluster.run("up", "1", "--detach", "--devices", "0").status == 0)
            try cluster.install(".build/release/starling", FakeCluster.badNode)
            #expect(try cluster.run("add").status == 1)
            #expect(!cluster.exists("run/n1.pid"))
            #expect(try cluster.run("stop", "1").output.contains("this cluster has 1"))
        }
    }

    @Test func portsThatMeetAreToldBeforeAnythingStarts() throws {
        try FakeCluster.use { cluster in
            cluster.set("STARLING_GOSSIP_BASE", to: "\(cluster.port + 2)")
            let up = try cluster.run("up", "--detach")
            #expect(up.status == 1 && up.output.contains("the ports from \(cluster.port) (HTTP)"), "\(up.output)")
        }
    }

    @Test(arguments: ["tcp", "udp"])
    func aGossipPortOfAnotherProgramIsNamed(kind: String) throws {
        try FakeCluster.use { cluster in
            let socket = try kind == "tcp" ? LoopbackListener() : LoopbackListener(datagrams: true)
            // It is the port of the second node.
            cluster.set("STARLING_GOSSIP_BASE", to: "\(socket.port - 1)")
            let up = try cluster.run("up", "--detach")
            #expect(up.status == 1 && up.output.contains("\(kind.uppercased()) port \(socket.port) of"), "\(up.output)")
            #expect(up.output.contains("STARLING_GOSSIP_BASE="))
            withExtendedLifetime(socket) {}
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
