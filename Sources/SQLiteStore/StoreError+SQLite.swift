import GRDB
import GRDBSQLite
import Ports

extension StoreError {
    /// What a result code of SQLite means for the caller. A closed connection is MISUSE, and so is away, not broken.
    static func code(of result: Int32) -> Code {
        switch result & 0xFF {
        case SQLITE_CORRUPT, SQLITE_NOTADB, SQLITE_FORMAT, SQLITE_ERROR, SQLITE_RANGE, SQLITE_AUTH:
            .unusable
        default: .unavailable
        }
    }

    /// What the reader of the log can do about it.
    static func advice(on result: Int32) -> String {
        switch result & 0xFF {
        case SQLITE_FULL: "the disk is full: free space, readings wait in the ingest log meanwhile"
        case SQLITE_IOERR: "the disk failed: look at the kernel's log (dmesg) and at the disk"
        case SQLITE_BUSY, SQLITE_LOCKED: "another program holds the database's lock: close it"
        case SQLITE_READONLY, SQLITE_CANTOPEN, SQLITE_PERM, SQLITE_AUTH:
            "make the file, its -wal and -shm neighbours and their folder writable for this user"
        case SQLITE_CORRUPT: "the file is damaged: stop the nodes, put it aside and restore a backup"
        case SQLITE_NOTADB: "it is not a SQLite database: point --store at another path, or move the file away"
        case SQLITE_NOMEM: "memory ran out: give the process more"
        default: "see https://www.sqlite.org/rescode.html"
        }
    }

    /// - Parameter result: an extended result code that is not one of success.
    static func sqlite(_ result: Int32, on connection: OpaquePointer?) -> StoreError {
        let text = connection.flatMap { sqlite3_errmsg($0) } ?? sqlite3_errstr(result)
        let message = text.map { String(cString: $0) } ?? "no text"
        return StoreError(code(of: result), "\(message) (SQLite \(result)); \(advice(on: result))")
    }

    /// Any error out of GRDB or of ours, told as what was being done.
    static func wrapping(_ error: any Error, doing what: String) -> StoreError {
        switch error {
        case let error as StoreError: return StoreError(error.code, "\(what): \(error.message)")
        case let error as DatabaseError:
            let result = error.extendedResultCode.rawValue
            let message = "\(error.message ?? "no text") (SQLite \(result)); \(advice(on: result))"
            return StoreError(code(of: result), "\(what): \(message)")
        default: return StoreError(.unavailable, "\(what): \(error)")
        }
    }

    /// True if SQLite refuses this row and no other: it goes to quarantine.
    static func refusesRow(_ result: Int32) -> Bool {
        switch result & 0xFF {
        case SQLITE_CONSTRAINT, SQLITE_TOOBIG, SQLITE_MISMATCH: true
        default: false
        }
    }
}
