import Foundation
import Glibc
import NodeHarness

/// A private nginx before some nodes, as people put it: round robin, and on to the next one where a node does not answer.
/// It ends with this object.
package final class Balancer {
    package static let program = Programs.find("nginx")
    package static let advice =
        "NO NGINX HERE, so the page is not tested behind a balancer: install nginx-light (Debian)"
    private static let startLimit = Duration.seconds(30)
    private static let startsMax = 20

    package private(set) var port: UInt16 = 0
    private let folder: TemporaryFolder
    private var child: ChildProcess?

    /// - Parameter ports: of the nodes on loopback; the first is asked as long as it answers.
    package init(before ports: [UInt16]) throws {
        guard let program = Self.program else { throw HarnessError(Self.advice) }
        folder = try TemporaryFolder("starling-nginx")
        for _ in 0..<Self.startsMax {
            let port = try LoopbackPort.free()
            let settings = try folder.write(text(on: port, before: ports), to: "nginx.conf")
            let log = folder.file("log-\(port)")
            let child = try ChildProcess(program, ["-e", "stderr", "-p", folder.path, "-c", settings], output: log)
            if isReady(child, port) {
                (self.child, self.port) = (child, port)
                return
            }
            child.kill()
        }
        throw HarnessError("nginx does not start; see 'nginx -V'")
    }

    deinit { child?.kill() }

    private func isReady(_ child: ChildProcess, _ port: UInt16) -> Bool {
        let deadline = Deadline(in: Self.startLimit)
        while child.isRunning, !deadline.isPast {
            if (try? HTTPConnection(port: port, at: .loopback).ask("GET", "/livez")) != nil { return true }
            child.nap(10)
        }
        return false
    }

    private func text(on port: UInt16, before ports: [UInt16]) -> String {
        let servers = ports.enumerated().map { index, port in
            "server 127.0.0.1:\(port) max_fails=1 fail_timeout=2s\(index == 0 ? "" : " backup");"
        }
        let folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map {
            "\($0)_temp_path \(folder.file($0));"
        }
        return """
            daemon off; master_process off; pid \(folder.file("pid"));
            events { worker_connections 512; }
            http {
                access_log off; \(folders.joined(separator: " "))
                upstream nodes { \(servers.joined(separator: " ")) }
                server {
                    listen 127.0.0.1:\(port);
                    location / {
                        proxy_pass http://nodes; proxy_http_version 1.1; proxy_set_header Connection "";
                        proxy_connect_timeout 2s; proxy_next_upstream error timeout;
                    }
                }
            }
            """
    }
}
