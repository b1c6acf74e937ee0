import CLibPQ
import Glibc
import Ports
import Telemetry

/// Makes connections: address by address, with TLS and password as the address says.
struct Connector: Sendable {
    let url: PostgresURL
    /// A file that holds the password alone; read at every connect, so that it can be changed.
    let passwordFile: String?

    /// - Parameter purpose: shown in `pg_stat_activity`.
    func connect(_ purpose: String) throws(Failure) -> Link {
        var options = url.options
        var secret: String?
        if let passwordFile {
            secret = try password(in: passwordFile)
            options["password"] = secret
        }
        let defaults = [
            "application_name": "starling \(purpose)", "client_encoding": "UTF8",
            "tcp_user_timeout": "\(PostgresLimits.tcpUserTimeoutMilliseconds)", "keepalives": "1",
            "keepalives_idle": "\(PostgresLimits.keepaliveIdleSeconds)",
            "keepalives_interval": "\(PostgresLimits.keepaliveIntervalSeconds)",
            "keepalives_count": "\(PostgresLimits.keepaliveCount)",
            // Of several servers, and after a fail-over, the one that takes writes.
            "target_session_attrs": "read-write",
        ]
        options.merge(defaults) { written, _ in written }
        options["client_encoding"] = "UTF8"
        var last = Failure.refused(nil, "\(url) names no server")
        for address in url.addresses {
            var options = options
            options["host"] = address.host
            options["port"] = address.port
            for ip in Self.look(up: options) {
                options["hostaddr"] = ip ?? options["hostaddr"]
                do throws(Failure) {
                    return try connect(options, redacting: secret)
                } catch {
                    last = error
                }
            }
        }
        throw last
    }

    /// The addresses of a name, each of which is given its own time: libpq would spend all of it on one that is silent.
    /// - Returns: nil stands for leaving that to libpq: a socket, an address, or a name that is not known now.
    private static func look(up options: [String: String]) -> [String?] {
        guard let host = options["host"], !host.isEmpty, !host.hasPrefix("/"), !host.hasPrefix("@"),
            options["hostaddr"] == nil
        else { return [nil] }
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, nil, &hints, &list) == 0, let list else { return [nil] }
        defer { freeaddrinfo(list) }
        var found: [String?] = []
        var next: UnsafeMutablePointer<addrinfo>? = list
        while let one = next, found.count < PostgresLimits.addressesMax {
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            let status = getnameinfo(
                one.pointee.ai_addr, one.pointee.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
            let ip = String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            if status == 0, !found.contains(ip) { found.append(ip) }
            next = one.pointee.ai_next
        }
        return found.isEmpty ? [nil] : found
    }

    private func connect(_ options: [String: String], redacting secret: String?) throws(Failure) -> Link {
        guard let connection = Self.start(options) else {
            throw Failure.refused(nil, "memory ran out")
        }
        // Only so does the text of a refusal have its SQLSTATE.
        _ = PQsetErrorVerbosity(connection, PQERRORS_VERBOSE)
        guard Self.finish(connection) else {
            let message = Refusal(Link.message(of: connection))
            let isSilent = PQstatus(connection) != CONNECTION_BAD
            PQfinish(connection)
            let told = isSilent ? "no answer" : secret.map { message.text.replacing($0, with: "***") } ?? message.text
            throw Failure.refused(message.state, "connecting to \(url): \(url.redact(told))")
        }
        _ = PQsetErrorVerbosity(connection, PQERRORS_DEFAULT)
        PQsetNoticeProcessor(connection, { _, _ in }, nil)
        let link = Link(connection)
        guard PQsetnonblocking(connection, 1) == 0 else {
            throw Failure.refused(nil, "the connection to \(url) cannot be made non-blocking")
        }
        try link.script(Self.settings)
        try link.learnBackend()
        return link
    }

    private static func start(_ options: [String: String]) -> OpaquePointer? {
        let pairs = options.sorted { $0.key < $1.key }
        let keywords = pairs.map { strdup($0.key) } + [nil]
        let values = pairs.map { strdup($0.value) } + [nil]
        defer { for text in keywords + values { free(text) } }
        return PQconnectStartParams(keywords.map { UnsafePointer($0) }, values.map { UnsafePointer($0) }, 0)
    }

    /// - Returns: false if the server refused, or nothing happened for too long.
    private static func finish(_ connection: OpaquePointer) -> Bool {
        guard PQstatus(connection) != CONNECTION_BAD else { return false }
        let deadline = MachineClock.monotonic().advanced(byMicroseconds: PostgresLimits.connectMicroseconds)
        var status = PGRES_POLLING_WRITING
        while true {
            switch status {
            case PGRES_POLLING_OK: return true
            case PGRES_POLLING_FAILED: return false
            default:
                let events = Int16(status == PGRES_POLLING_READING ? POLLIN : POLLOUT)
                guard Poll.wait(PQsocket(connection), for: events, until: deadline) != nil else { return false }
            }
            status = PQconnectPoll(connection)
        }
    }

    /// What a session must be like, whatever the server's and the role's defaults are. Commits are durable; a stronger
    /// setting than `on` stays.
    private static let settings = """
        SET statement_timeout = \(PostgresLimits.statementMilliseconds);
        SET lock_timeout = \(PostgresLimits.lockMilliseconds);
        SET idle_in_transaction_session_timeout = \(PostgresLimits.idleInTransactionMilliseconds);
        SET default_transaction_isolation = 'read committed';
        SET default_transaction_read_only = off;
        SET default_transaction_deferrable = off;
        SET TimeZone = 'UTC';
        SET standard_conforming_strings = on;
        SET client_min_messages = warning;
        SET jit = off;
        SELECT set_config('synchronous_commit', 'on', false)
            WHERE current_setting('synchronous_commit') IN ('off', 'local', 'remote_write');
        """

    private func password(in path: String) throws(Failure) -> String {
        guard let file = fopen(path, "re") else {
            throw Failure.refused(
                nil, "the password file \(path) cannot be read (\(String(cString: strerror(errno))))")
        }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: PostgresLimits.passwordFileBytesMax)
        let count = bytes.withUnsafeMutableBytes { fread($0.baseAddress, 1, $0.count, file) }
        // Editors end a file with a newline; a password does not.
        let line = bytes.prefix(count).prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") && $0 != 0 }
        guard !line.isEmpty else {
            throw Failure.refused(nil, "the password file \(path) is empty: write the password into its first line")
        }
        return String(decoding: line, as: UTF8.self)
    }
}

/// What libpq says of a connection that did not come about, in its verbose form:
/// `FATAL:  28P01: password …, LOCATION:  …`.
struct Refusal {
    let text: String
    let state: SQLState?

    init(_ verbose: String) {
        let told = verbose.firstRange(of: ", LOCATION:").map { String(verbose[..<$0.lowerBound]) } ?? verbose
        for range in told.ranges(of: ":  ") {
            let code = told[range.upperBound...].prefix(5)
            let rest = told[range.upperBound...].dropFirst(5)
            let isState =
                code.utf8.count == 5 && code.utf8.allSatisfy { (48...57).contains($0) || (65...90).contains($0) }
            guard isState, rest.hasPrefix(": ") else { continue }
            state = SQLState(String(code))
            text = String(told[..<range.upperBound]) + rest.dropFirst(2)
            return
        }
        text = told
        state = nil
    }
}
