import Foundation
import Testing

/// `cluster/up --postgres`: real servers, under nodes that only pretend.
@Suite(
    .timeLimit(.minutes(5)),
    .enabled(if: FakeCluster.hasServers, "no PostgreSQL or no Redis here; cluster/test installs them"))
struct ClusterServerTests {
    /// Runs `body` with a cluster on servers, and removes all of it.
    private func withServers(_ body: (FakeCluster) throws -> Void) throws {
        try FakeCluster.use { cluster in
            let own = cluster
            // Data of a server's own user may lie elsewhere.
            defer { _ = try? own.run("down", "--purge") }
            let up = try own.run("up", "1", "--postgres", "--detach", "--devices", "0")
            try #require(up.status == 0, "\(up.output)")
            #expect(up.output.contains("PostgreSQL 1") && up.output.contains("run/store.url"), "\(up.output)")
            try body(own)
        }
    }

    /// What the store answers to whoever has the address that nodes get.
    private func ask(_ cluster: FakeCluster, _ statement: String) throws -> String {
        let address = try cluster.read("run/store.url").trimmingCharacters(in: .whitespacesAndNewlines)
        let result = try Tool.run("psql", ["-X", "-w", "-A", "-t", "-c", statement, address], in: cluster.folder)
        return result.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    @Test func serversDieAndComeBackWithTheirData() throws {
        try withServers { cluster in
            let run = cluster.folder.appending(path: "run").path
            #expect(try cluster.read("run/n0.log").contains("store \(run)/store.url, lease \(run)/lease.url"))
            #expect(try !cluster.read("run/n0.log").contains("--store"), "an argument is no place for a password")
            #expect(try ask(cluster, "CREATE TABLE kept AS SELECT 7 AS value") == "SELECT 1")

            #expect(try cluster.run("start", "postgres").output.contains("postgres runs already"))
            for (server, end) in [("postgres", "kill"), ("redis", "kill"), ("postgres", "stop"), ("redis", "stop")] {
                let ended = try cluster.run(end, server)
                #expect(ended.status == 0, "\(ended.output)")
                #expect(try cluster.run(end, server).output.contains("\(server) does not run"))
                let started = try cluster.run("start", server)
                #expect(started.status == 0 && started.output.contains("\(server) is ready"), "\(started.output)")
            }
            #expect(try ask(cluster, "SELECT value FROM kept") == "7")

            #expect(try cluster.run("down").status == 0)
            #expect(!cluster.exists("run/postgres.pid") && !cluster.exists("run/redis.pid"))
            #expect(try cluster.read("run/postgres.log").contains("database system is shut down"), "with grace")
            let again = try cluster.run("up", "1", "--postgres", "--detach")
            #expect(again.status == 0, "\(again.output)")
            #expect(try ask(cluster, "SELECT value FROM kept") == "7")
            #expect(try cluster.run("down", "--purge").status == 0)
            #expect(!cluster.exists("run"))
        }
    }

    @Test func onlyTheClustersOwnRoleGetsInWithItsPassword() throws {
        try withServers { cluster in
            let address = try #require(URL(string: try cluster.read("run/store.url").trimmingCharacters(in: .newlines)))
            #expect(address.user() == "starling" && address.password()?.count == 64 && address.host() == "127.0.0.1")
            let port = try #require(address.port)
            for role in ["postgres", "starling"] {
                let refused = try Tool.run(
                    "psql", ["-X", "-w", "-c", "SELECT 1", "postgres://\(role):wrong@127.0.0.1:\(port)/starling"],
                    in: cluster.folder)
                #expect(refused.status == 2, "\(refused.output)")
            }
            #expect(try ask(cluster, "SELECT usesuper FROM pg_user WHERE usename = current_user") == "f")
            for name in ["store.url", "lease.url", "postgres.password", "redis.password"] {
                let path = cluster.folder.appending(path: "run/\(name)").path
                let modes = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
                #expect(modes == 0o600, "\(name)")
            }
        }
    }

    @Test func aNumberThatWentToAnotherProcessIsLeftAlone() throws {
        try withServers { cluster in
            #expect(try cluster.run("stop", "postgres").status == 0)
            // This very process: a kill would end the tests.
            try "\(getpid()) 1\n".write(
                to: cluster.folder.appending(path: "run/postgres.pid"), atomically: true, encoding: .utf8)
            #expect(try cluster.run("kill", "postgres").status == 1)
            #expect(try cluster.run("start", "postgres").status == 0)
        }
    }
}
