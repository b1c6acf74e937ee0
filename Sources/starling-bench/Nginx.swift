import Foundation
import NodeHarness

/// The peer of `POST /data`: nginx with one worker that answers 202 to whatever it gets, with files of its own.
final class Nginx {
    let port: UInt16
    private let process: ChildProcess
    private let folder: TemporaryFolder

    private static let startLimit = Duration.seconds(10)

    init() throws {
        guard let program = Programs.find("nginx") else {
            throw HarnessError("no nginx in PATH: apt-get install nginx-light")
        }
        folder = try TemporaryFolder("starling-bench-nginx")
        port = try LoopbackPort.free()
        let path = folder.path
        let configuration = """
            \(geteuid() == 0 ? "user root;" : "")
            daemon off;
            worker_processes 1;
            pid \(path)/nginx.pid;
            error_log \(path)/error.log;
            events { worker_connections 1024; }
            http {
                access_log off;
                keepalive_requests 1000000000;
                client_max_body_size 16m;
                client_body_temp_path \(path)/body;
                proxy_temp_path \(path)/proxy;
                fastcgi_temp_path \(path)/fastcgi;
                uwsgi_temp_path \(path)/uwsgi;
                scgi_temp_path \(path)/scgi;
                server {
                    listen 127.0.0.1:\(port);
                    location / { return 202; }
                }
            }
            """
        let file = try folder.write(configuration, to: "nginx.conf")
        process = try ChildProcess(program, ["-p", path, "-c", file, "-e", "\(path)/error.log"], output: "\(path)/out")
        let deadline = Deadline(in: Self.startLimit)
        while (try? HTTPConnection(port: port)) == nil {
            guard process.isRunning, !deadline.isPast else {
                let said = ["out", "error.log"].compactMap { FileManager.default.contents(atPath: folder.file($0)) }
                throw HarnessError("nginx did not start: " + said.map { String(decoding: $0, as: UTF8.self) }.joined())
            }
            process.nap(10)
        }
    }

    deinit {
        process.send(SIGTERM)
        process.wait(.seconds(5))
    }
}
