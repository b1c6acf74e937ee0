import Foundation
package import NodeHarness

/// A private Redis server: its files in a temporary folder, on a port that was free, on loopback or on a host of its own.
/// It ends with this object, and at the latest with the process that made it.
///
/// The user `starling` with `password` may do what a lease needs, and nobody else anything.
package final class RedisServer {
    package static let user = "starling"
    package static let password = "corr3ct:h0rse@battery"
    package static let program = Programs.find("redis-server")
    package static let advice = """
        NO REDIS SERVER HERE, so nothing of RedisLease is tested: install redis-server (Debian, Ubuntu)
        """
    private static let startLimit = Duration.seconds(30)
    private static let startsMax = 20

    package private(set) var port: UInt16 = 0
    private let folder: TemporaryFolder
    private var child: ChildProcess?
    private let network: NetworkPlace
    private let keepsData: Bool
    private let tls: TLS?

    /// What it needs to speak TLS, and nothing else, at its port.
    package struct TLS {
        package let identity: TestAuthority.Identity
        /// Of the authority that its clients must have certificates of; nil = they need none.
        package let clients: String?

        package init(_ identity: TestAuthority.Identity, clients: String? = nil) {
            self.identity = identity
            self.clients = clients
        }
    }

    /// - Parameters:
    ///   - keepsData: it comes back with all it had answered for; without, a restart empties it.
    ///   - tls: nil = it speaks in clear text.
    package init(at network: NetworkPlace = .loopback, keepsData: Bool = false, tls: TLS? = nil) throws {
        self.network = network
        self.keepsData = keepsData
        self.tls = tls
        folder = try TemporaryFolder("starling-redis")
        try start()
    }

    deinit { kill() }

    /// Starts it on the port it had if that is free.
    /// - Parameter emptied: also one that keeps its data comes back without.
    package func start(emptied: Bool = false) throws {
        if emptied { try? FileManager.default.removeItem(atPath: folder.file("appendonlydir")) }
        guard let program = Self.program else { throw HarnessError(Self.advice) }
        for _ in 0..<Self.startsMax {
            let wanted = port == 0 ? try LoopbackPort.free() : port
            try? FileManager.default.removeItem(atPath: folder.file("pid"))
            let settings = try folder.write(
                """
                bind \(network.address)
                protected-mode no
                \(listening(at: wanted))
                dir \(folder.path)
                pidfile \(folder.file("pid"))
                save ""
                appendonly \(keepsData ? "yes" : "no")
                user default off
                user \(Self.user) on >\(Self.password) ~starling:* +set +eval +get +pexpire +del +select
                """, to: "redis.conf")
            // The shell ends the server when the line to this process ends, however that comes about.
            let watch = """
                "$@" 3>&- & server=$!
                { read -r end <&3; kill -KILL $server; } 2>/dev/null & watcher=$!
                wait $server; code=$?; kill $watcher 2>/dev/null
                exit $code
                """
            let log = folder.file("log-\(UInt64.random(in: 0...UInt64.max))")
            let child = try ChildProcess(
                "/bin/sh", ["-c", watch, "sh"] + network.prefix + [program, settings], output: log)
            if isReady(child, log) {
                self.child = child
                port = wanted
                return
            }
        }
        throw HarnessError("redis-server does not start; see 'redis-server --version'")
    }

    private func listening(at port: UInt16) -> String {
        guard let tls else { return "port \(port)" }
        return """
            port 0
            tls-port \(port)
            tls-cert-file \(tls.identity.certificate)
            tls-key-file \(tls.identity.key)
            tls-ca-cert-file \(tls.clients ?? tls.identity.certificate)
            tls-auth-clients \(tls.clients == nil ? "no" : "yes")
            """
    }

    private func isReady(_ child: ChildProcess, _ log: String) -> Bool {
        let deadline = Deadline(in: Self.startLimit)
        while child.isRunning, !deadline.isPast {
            let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
            if text.contains("Ready to accept connections"), pid != nil { return true }
            child.nap(10)
        }
        return false
    }

    private var pid: Int32? {
        let text = try? String(contentsOfFile: folder.file("pid"), encoding: .utf8)
        return text.flatMap { Int32($0.trimmingCharacters(in: .whitespacesAndNewlines)) }.flatMap { $0 > 1 ? $0 : nil }
    }

    /// SIGKILL.
    package func kill() {
        guard let child else { return }
        if let pid, child.isRunning { Glibc.kill(pid, SIGKILL) }
        child.wait(.seconds(30))
        self.child = nil
    }

    /// SIGSTOP, and SIGCONT.
    package func pause() { if let pid { Glibc.kill(pid, SIGSTOP) } }
    package func resume() { if let pid { Glibc.kill(pid, SIGCONT) } }

    /// - Parameters:
    ///   - host: another name of where it is.
    ///   - port: of a line to the server; nil is the server itself.
    ///   - roots: what `sslrootcert=` says, of a server with TLS; nil = nothing.
    package func address(
        password: String = RedisServer.password, host: String? = nil, port: UInt16? = nil, database: Int = 0,
        roots: String? = nil
    ) -> String {
        let secret = password.replacing("@", with: "%40").replacing(":", with: "%3A")
        let place = "\(host ?? network.address):\(port ?? self.port)/\(database)"
        let query = roots.map { "?sslrootcert=" + $0 } ?? ""
        return "\(tls == nil ? "redis" : "rediss")://\(Self.user):\(secret)@\(place)\(query)"
    }
}
