import CLibPQ
import Glibc
import Telemetry

/// One connection of libpq in non-blocking mode: every wait has a deadline. Its calls block the thread that they are
/// made on.
///
/// After `Failure.lost` it is of no more use.
final class Link {
    private let connection: OpaquePointer
    /// Names that were looked up on this connection; a new connection begins anew.
    let names = NameCache()
    /// Of one answer.
    var patienceMicroseconds = PostgresLimits.answerMicroseconds
    /// Commits since their counts were last added up.
    var unsettledCommits = 0
    /// Who serves us there.
    private(set) var backend = Backend(process: 0, start: .epoch)

    /// A process of the server: its number alone may be another's by now.
    struct Backend: Hashable, Sendable {
        let process: Int32
        let start: Instant
    }

    /// - Parameter connection: connected and in non-blocking mode; closed with this object.
    init(_ connection: OpaquePointer) {
        self.connection = connection
    }

    deinit {
        PQfinish(connection)
    }

    func learnBackend() throws(Failure) {
        let row = try query(
            """
            SELECT pg_backend_pid(), coalesce(
                (SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()), 'epoch')
            """)
        guard row.count == 1 else { return }
        backend = Backend(process: row.int32(0, 0), start: row.time(0, 1))
    }

    /// True between transactions.
    var isIdle: Bool { PQtransactionStatus(connection) == PQTRANS_IDLE }

    // MARK: Statements

    struct Statement {
        let sql: String
        let parameters: [Parameter]

        init(_ sql: String, _ parameters: [Parameter] = []) {
            self.sql = sql
            self.parameters = parameters
        }
    }

    /// One statement, one round trip.
    @discardableResult
    func query(_ sql: String, _ parameters: [Parameter] = []) throws(Failure) -> Rows {
        try send(Statement(sql, parameters))
        return try answer(until: deadline())
    }

    /// Statements without parameters, separated by semicolons.
    func script(_ sql: String) throws(Failure) {
        guard PQsendQuery(connection, sql) == 1 else { throw lost() }
        let deadline = deadline()
        var failure: Failure?
        while let rows = try next(until: deadline) { failure = failure ?? self.failure(of: rows) }
        if let failure { throw failure }
    }

    /// Several statements in one round trip. The first that fails is thrown, and those behind it are not run.
    func pipeline(_ statements: [Statement]) throws(Failure) -> [Rows] {
        guard PQenterPipelineMode(connection) == 1 else { throw lost() }
        for statement in statements { try send(statement) }
        guard PQpipelineSync(connection) == 1 else { throw lost() }
        let deadline = deadline()
        var all: [Rows] = []
        var failure: Failure?
        for _ in statements {
            do throws(Failure) {
                all.append(try answer(until: deadline))
            } catch {
                if case .lost = error { throw error }
                failure = failure ?? error
            }
        }
        guard let sync = try next(until: deadline), sync.status == PGRES_PIPELINE_SYNC,
            PQexitPipelineMode(connection) == 1
        else { throw Failure.lost("the server's answers do not match what was asked") }
        if let failure { throw failure }
        return all
    }

    private func send(_ statement: Statement) throws(Failure) {
        let types = statement.parameters.map(\.type)
        let lengths = statement.parameters.map { Int32(clamping: $0.bytes?.count ?? 0) }
        let formats = [Int32](repeating: 1, count: types.count)
        // One block for all, and a byte more, so that even an empty value has an address: none would mean NULL.
        let block = Array(statement.parameters.compactMap(\.bytes).joined()) + [0]
        let sent = block.withUnsafeBytes { bytes in
            var offset = 0
            let values = zip(statement.parameters, lengths).map { parameter, length -> UnsafePointer<CChar>? in
                defer { offset += Int(length) }
                guard parameter.bytes != nil else { return nil }
                return bytes.baseAddress.map { ($0 + offset).assumingMemoryBound(to: CChar.self) }
            }
            return PQsendQueryParams(
                connection, statement.sql, Int32(types.count), types, values, lengths, formats, 1)
        }
        guard sent == 1 else { throw lost() }
    }

    /// The one answer to one statement.
    private func answer(until deadline: Moment) throws(Failure) -> Rows {
        guard let rows = try next(until: deadline) else { throw lost() }
        var failure = failure(of: rows)
        // To the end of the statement's answers, which is a nil: a statement that is a transaction of its own may still
        // fail to commit.
        while let more = try next(until: deadline) { failure = failure ?? self.failure(of: more) }
        if let failure { throw failure }
        return rows
    }

    // MARK: COPY

    /// Begins a COPY into the server with the statement last in `sql`.
    func beginCopy(_ sql: String) throws(Failure) {
        guard PQsendQuery(connection, sql) == 1 else { throw lost() }
        let deadline = deadline()
        while let rows = try next(until: deadline) {
            if rows.status == PGRES_COPY_IN { return }
            guard let failure = failure(of: rows) else { continue }
            while try next(until: deadline) != nil {}
            throw failure
        }
        throw Failure.lost("the server did not begin to copy")
    }

    func copy(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
        let deadline = deadline()
        while true {
            let text = bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
            switch PQputCopyData(connection, text, Int32(clamping: bytes.count)) {
            case 1: return try flush(until: deadline)
            case 0: try flush(until: deadline)
            default: throw lost()
            }
        }
    }

    /// - Returns: rows copied.
    func endCopy() throws(Failure) -> Int {
        let deadline = deadline()
        while true {
            let result = PQputCopyEnd(connection, nil)
            if result == 1 { break }
            guard result == 0 else { throw lost() }
            try flush(until: deadline)
        }
        try flush(until: deadline)
        return try answer(until: deadline).affected
    }

    // MARK: Waiting

    private func deadline() -> Moment {
        MachineClock.monotonic().advanced(byMicroseconds: patienceMicroseconds)
    }

    /// The next result; nil at the end of a statement's results.
    private func next(until deadline: Moment) throws(Failure) -> Rows? {
        try flush(until: deadline)
        while PQisBusy(connection) == 1 {
            try wait(for: Int16(POLLIN), until: deadline)
            guard PQconsumeInput(connection) == 1 else { throw lost() }
        }
        return PQgetResult(connection).map { Rows($0) }
    }

    /// Sends what is still here. The server may have to be heard meanwhile, or both would wait for each other.
    private func flush(until deadline: Moment) throws(Failure) {
        while true {
            switch PQflush(connection) {
            case 0: return
            case 1:
                let events = try wait(for: Int16(POLLIN | POLLOUT), until: deadline)
                if events & Int16(POLLIN) != 0, PQconsumeInput(connection) != 1 { throw lost() }
            default: throw lost()
            }
        }
    }

    @discardableResult
    private func wait(for events: Int16, until deadline: Moment) throws(Failure) -> Int16 {
        guard let happened = Poll.wait(PQsocket(connection), for: events, until: deadline) else {
            throw Failure.lost(
                "the server did not answer within \(patienceMicroseconds / 1_000_000) s: "
                    + "see whether it is overloaded or the network is down")
        }
        return happened
    }

    // MARK: Failures

    private func lost() -> Failure {
        .lost("the connection broke: \(Self.message(of: connection))")
    }

    private func failure(of rows: Rows) -> Failure? {
        switch rows.status {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY, PGRES_COPY_IN: return nil
        case PGRES_PIPELINE_ABORTED: return .server(SQLState("25P02"), "a statement before this one failed")
        default: break
        }
        guard let state = rows.errorField("C"), PQstatus(connection) == CONNECTION_OK else {
            return .lost("the connection broke: \(rows.errorText ?? Self.message(of: connection))")
        }
        return .server(SQLState(state), rows.errorText ?? "no text")
    }

    static func message(of connection: OpaquePointer) -> String {
        let text = PQerrorMessage(connection).map { String(cString: $0) } ?? ""
        let line = text.split(whereSeparator: \.isNewline).map { $0.trimmingSpaces() }.joined(separator: ", ")
        return line.isEmpty ? "no text" : line
    }
}

extension Rows {
    /// - Parameter name: of a field of an error report
    ///   (https://www.postgresql.org/docs/current/protocol-error-fields.html).
    fileprivate func errorField(_ name: Character) -> String? {
        guard let code = name.asciiValue, let text = PQresultErrorField(result, Int32(code)) else { return nil }
        return String(cString: text)
    }

    fileprivate var errorText: String? {
        guard let text = errorField("M") else { return nil }
        return [text, errorField("D"), errorField("H")].compactMap { $0 }.joined(separator: "; ")
    }
}

extension Substring {
    fileprivate func trimmingSpaces() -> Substring {
        var rest = drop(while: \.isWhitespace)
        while rest.last?.isWhitespace == true { rest.removeLast() }
        return rest
    }
}

enum Poll {
    /// - Returns: what happened; nil if nothing did until `deadline`.
    static func wait(_ descriptor: Int32, for events: Int16, until deadline: Moment) -> Int16? {
        var one = pollfd(fd: descriptor, events: events, revents: 0)
        while true {
            let left = deadline.microseconds - MachineClock.monotonic().microseconds
            guard left > 0 else { return nil }
            let result = poll(&one, 1, Int32(clamping: left / 1_000 + 1))
            if result > 0 { return one.revents }
            // A descriptor that cannot be polled: libpq will say what is wrong with it.
            if result < 0, errno != EINTR { return events }
        }
    }
}
