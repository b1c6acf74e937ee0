import Foundation
package import NodeHarness

/// A private PostgreSQL server: its own data in a temporary folder, a unix socket there and a port that was free, on
/// loopback or on a host of its own. It ends with this object, and at the latest with the process that made it.
///
/// Over the socket anybody may come in; over TCP the user `starling` with `password`.
package final class PostgresServer: @unchecked Sendable {
    package static let user = "starling"
    package static let password = "corr3ct:h0rse@battery"
    private static let startLimit = Duration.seconds(60)
    private static let startsMax = 20

    package let programs: PostgresPrograms
    package private(set) var port: UInt16 = 0
    private let folder: TemporaryFolder
    private let settings: [String: String]
    private let network: NetworkPlace
    /// Guards `child` and `port`, which only `start` changes.
    private let lock = NSLock()
    private var child: ChildProcess?

    /// Starts a server of its own.
    /// - Parameter settings: of `postgresql.conf`. Without any, a crash of the *machine* may lose data; one of the
    ///   server does not.
    package init(
        _ programs: PostgresPrograms, settings: [String: String] = [:], at network: NetworkPlace = .loopback
    ) throws {
        self.programs = programs
        self.network = network
        // Short, because a socket's path may have 107 bytes.
        folder = try TemporaryFolder("starling-pg", in: "/tmp")
        let quick = [
            "fsync": "off", "max_connections": "200", "shared_buffers": "64MB", "listen_addresses": network.address,
            "unix_socket_directories": folder.path, "log_min_messages": "fatal", "max_wal_size": "512MB",
        ]
        self.settings = quick.merging(settings) { $1 }
        try makeData()
        try start()
    }

    deinit {
        stop()
    }

    private var data: String { folder.file("data") }

    private func makeData() throws {
        let secret = try folder.write(Self.password + "\n", to: "secret")
        Self.handOver([folder.path, secret])
        let command = try programs.unprivileged(
            "initdb",
            [
                "-D", data, "-U", Self.user, "-E", "UTF8", "--locale=C", "--no-sync", "--auth-local=trust",
                "--auth-host=scram-sha-256", "--pwfile", secret,
            ])
        let result = try ChildProcess.run(command[0], Array(command.dropFirst()))
        guard result.exit == .code(0) else { throw HarnessError("initdb: \(result.output)\(result.errors)") }
        guard network.namespace != nil, let rules = FileHandle(forWritingAtPath: data + "/pg_hba.conf") else { return }
        try rules.seekToEnd()
        try rules.write(contentsOf: Data("host all all samenet scram-sha-256\n".utf8))
    }

    /// Makes files the server's own, where it runs as another user than this process.
    package static func handOver(_ paths: [String]) {
        guard getuid() == 0, let account = getpwnam(PostgresPrograms.user) else { return }
        for path in paths { chown(path, account.pointee.pw_uid, account.pointee.pw_gid) }
    }

    // MARK: Starting and ending

    /// Starts the server on the data that is there, on the port it had if that is free.
    package func start() throws {
        for _ in 0..<Self.startsMax {
            let wanted = port == 0 ? try LoopbackPort.free() : port
            let options = settings.merging(["port": "\(wanted)"]) { $1 }.sorted { $0.key < $1.key }
            let program = try programs.unprivileged(
                "postgres", ["-D", data] + options.flatMap { ["-c", "\($0.key)=\($0.value)"] })
            let command = network.prefix + program
            // The shell ends the server when the line to this process ends, however that comes about, and tidies up.
            let watch = """
                folder=$1; shift; "$@" 3>&- & server=$!
                { read -r end <&3; kill -QUIT $server; } 2>/dev/null & watcher=$!
                wait $server; code=$?; kill $watcher 2>/dev/null
                kill -0 $PPID 2>/dev/null || rm -rf "$folder"
                exit $code
                """
            let child = try ChildProcess(
                "/bin/sh", ["-c", watch, "sh", folder.path] + command, output: folder.file("log"))
            if isReady(child) {
                lock.withLock {
                    self.child = child
                    port = wanted
                }
                return
            }
        }
        let told = try? String(contentsOfFile: folder.file("log"), encoding: .utf8)
        throw HarnessError("PostgreSQL does not start: \(told ?? "it has no log")")
    }

    /// The file has the state in its eighth line as soon as the server takes connections.
    private func isReady(_ child: ChildProcess) -> Bool {
        let deadline = Deadline(in: Self.startLimit)
        while child.isRunning, !deadline.isPast {
            if stateLines().dropFirst(7).first?.hasPrefix("ready") == true { return true }
            child.nap(10)
        }
        return false
    }

    private func stateLines() -> [Substring] {
        ((try? String(contentsOfFile: data + "/postmaster.pid", encoding: .utf8)) ?? "").split(
            separator: "\n", omittingEmptySubsequences: false)
    }

    private var pid: Int32? { stateLines().first.flatMap { Int32($0) }.flatMap { $0 > 1 ? $0 : nil } }

    /// As an administrator would: connections are ended, running transactions rolled back.
    package func stop() {
        end { pid in Glibc.kill(pid, SIGINT) }
    }

    /// SIGKILL to the server and to every process of it.
    package func kill() {
        end { pid in
            // The parent first, so that it starts none anew.
            Glibc.kill(pid, SIGSTOP)
            let all = Self.children(of: pid) + [pid]
            for one in all { Glibc.kill(one, SIGKILL) }
        }
        // What a killed server leaves would look like one that runs.
        unlink(data + "/postmaster.pid")
    }

    private func end(_ signal: (Int32) -> Void) {
        guard let child = lock.withLock({ self.child }) else { return }
        if let pid, child.isRunning { signal(pid) }
        child.wait(.seconds(30))
        lock.withLock { self.child = nil }
    }

    private static func children(of pid: Int32) -> [Int32] {
        let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return all.compactMap { Int32($0) }.filter { one in
            guard let stat = try? String(contentsOfFile: "/proc/\(one)/stat", encoding: .utf8),
                let name = stat.lastIndex(of: ")")
            else { return false }
            return stat[name...].split(separator: " ").dropFirst(2).first == Substring("\(pid)")
        }
    }

    // MARK: Databases

    /// An address over TCP, with the password.
    /// - Parameter port: of a line to the server; nil is the server itself.
    package func address(_ database: String, port: UInt16? = nil) -> String {
        let secret = Self.password.replacing("@", with: "%40").replacing(":", with: "%3A")
        return "postgres://\(Self.user):\(secret)@\(network.address):\(port ?? self.port)/\(database)?sslmode=disable"
    }

    package func socketAddress(_ database: String) -> String {
        "postgresql://\(Self.user)@/\(database)?host=\(folder.path)&port=\(port)"
    }

    /// A new and empty database.
    package func database(_ options: String = "") throws -> String {
        let name = "db_" + String(UInt64.random(in: 0...UInt64.max), radix: 36)
        try run("CREATE DATABASE \(name) \(options)")
        return name
    }

    /// Removes a database and ends the sessions in it: an empty one has ten megabytes.
    package func drop(_ database: String) throws {
        try run("DROP DATABASE IF EXISTS \(database) WITH (FORCE)")
    }

    /// Begins a session that runs statements, one after the other, until it ends or is ended.
    package func session(_ sql: String, in database: String) throws -> ChildProcess {
        try ChildProcess(
            programs.path("psql"),
            ["-X", "-q", "-h", folder.path, "-p", "\(port)", "-U", Self.user, "-d", database]
                + sql.split(separator: ";").flatMap { ["-c", String($0)] }, output: "/dev/null")
    }

    /// Runs a script of psql, with its own commands.
    package func script(_ text: String, in database: String) throws {
        let path = try folder.write(text, to: "script.sql")
        let result = try ChildProcess.run(
            programs.path("psql"),
            [
                "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", folder.path, "-p", "\(port)", "-U", Self.user, "-d",
                database,
                "-f", path,
            ], limit: .seconds(300))
        guard result.exit == .code(0) else { throw HarnessError("psql: \(result.errors)") }
    }

    /// Runs statements as the server's owner; of rows, columns are separated by `|`.
    @discardableResult
    package func run(_ sql: String, in database: String = "postgres") throws -> String {
        let result = try ChildProcess.run(
            programs.path("psql"),
            [
                "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-h", folder.path, "-p", "\(port)", "-U", Self.user,
                "-d", database, "-c", sql,
            ])
        guard result.exit == .code(0) else { throw HarnessError("psql: \(sql): \(result.errors)") }
        return result.output.trimmingCharacters(in: .newlines)
    }
}
