import Ports

/// Why something inside this adapter did not work out; callers of the store see a `StoreError`.
enum Failure: Error {
    /// The server refused a statement, and the connection goes on.
    case server(SQLState, String)
    /// The connection is gone, or too slow to be of use; what was under way has an unknown outcome.
    case lost(String)
    /// The server would not let us in, or cannot serve us.
    case refused(SQLState?, String)
    case store(StoreError)

    func storeError(doing what: String) -> StoreError {
        switch self {
        case .store(let error): StoreError(error.code, "\(what): \(error.message)")
        case .lost(let message): StoreError(.unavailable, "\(what): \(message)")
        case .server(let state, let message):
            StoreError(state.code, "\(what): \(message) (SQLSTATE \(state)); \(state.advice)")
        case .refused(let state?, let message):
            StoreError(state.code, "\(what): \(message) (SQLSTATE \(state)); \(state.advice)")
        case .refused(nil, let message):
            StoreError(
                .unavailable, "\(what): \(message); see whether the server runs and can be reached from here")
        }
    }
}

/// The five characters that say what kind of error it was
/// (https://www.postgresql.org/docs/current/errcodes-appendix.html).
struct SQLState: Hashable, Sendable, CustomStringConvertible {
    let text: String

    init(_ text: String) {
        self.text = text
    }

    var description: String { text }
    private var group: Substring { text.prefix(2) }

    var isUniqueViolation: Bool { text == "23505" }
    /// Rolled back because of others: the same again may well go in.
    var isWorthAnotherTry: Bool { text == "40P01" || text == "40001" }
    /// True if this row is refused, and no other: it goes to quarantine.
    var refusesRow: Bool { (group == "22" || group == "23") && !isUniqueViolation }
    var isLockTimeout: Bool { text == "55P03" }
    /// Cancelled by `statement_timeout`, or by a person.
    var isTooSlow: Bool { text == "57014" }

    /// What it means for the caller: away, or a matter for a person.
    var code: StoreError.Code {
        switch group {
        case "0A", "28", "3D", "3F", "42": .unusable
        case "XX" where text != "XX000": .unusable
        default: text == "58P01" ? .unusable : .unavailable
        }
    }

    /// What the reader of the log can do about it.
    var advice: String {
        switch text {
        case "53100": return "the server's disk is full: free space, readings wait in the ingest log meanwhile"
        case "53300": return "raise max_connections there, or run fewer nodes on this database"
        case "55P03": return "another session holds a lock: look at pg_stat_activity and pg_locks"
        case "57014": return "the server is slow or a lock is held: look at pg_stat_activity"
        case "25006": return "the server is a standby or read-only: point --store at the primary"
        case "42501": return "let the store's user own its schema and tables"
        case "42P01", "42703": return "its tables are gone or changed: restore them, or start with an empty database"
        case "3D000": return "create that database (createdb) or correct --store"
        default: break
        }
        switch group {
        case "28": return "check user, password and the server's pg_hba.conf"
        case "53": return "the server lacks memory or disk: look at its log"
        case "57": return "the server stops or starts: nothing is to be done if it comes back"
        case "58": return "the server's disk failed: look at its log"
        case "XX": return "look at the server's log; if data is damaged restore a backup"
        default: return "see https://www.postgresql.org/docs/current/errcodes-appendix.html"
        }
    }
}
