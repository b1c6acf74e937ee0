import Ports
import Telemetry

extension Writer {
    func claim(log: LogID, from old: WriterID, by writer: WriterID) throws(StoreError) -> Checkpoint? {
        try transaction("claiming log \(log)") { session, connection throws(StoreError) in
            // Nothing is written, and so nothing synced, for who has it already.
            let update = try session.statement(
                "UPDATE checkpoints SET writer = ?1 WHERE log = ?2 AND writer = ?3 AND writer <> ?1", connection)
            try update.bind(Int64(bitPattern: writer.number), 1)
            try update.bind(log.description, 2)
            try update.bind(Int64(bitPattern: old.number), 3)
            try update.run()
            return try CheckpointRow.read(log, try session.statement(CheckpointRow.ofLog, connection))
        }
    }

    func register(
        log: LogID, node: String, by writer: WriterID, replacing replaced: LogID?
    ) throws(StoreError) -> Checkpoint {
        try transaction("registering log \(log)") { session, connection throws(StoreError) in
            let insert = try session.statement(
                """
                INSERT INTO checkpoints (log, node, position, accepted, stored, duplicates, discarded, damaged, writer)
                VALUES (?, ?, 0, 0, 0, 0, 0, 0, ?) ON CONFLICT (log) DO NOTHING
                """, connection)
            try insert.bind(log.description, 1)
            try insert.bind(node, 2)
            try insert.bind(Int64(bitPattern: writer.number), 3)
            try insert.run()
            if let replaced {
                let close = try session.statement(
                    "UPDATE checkpoints SET accepted = position WHERE log = ?", connection)
                try close.bind(replaced.description, 1)
                try close.run()
            }
            let select = try session.statement(CheckpointRow.ofLog, connection)
            guard let row = try CheckpointRow.read(log, select) else {
                throw StoreError(.unusable, "the row just written is not there: the file is damaged")
            }
            return row
        }
    }

    /// Returns when every transaction that was begun or waiting has ended, whichever way.
    func settle() {}
}

/// The table `checkpoints`.
enum CheckpointRow {
    private static let columns = "log, node, position, accepted, stored, duplicates, discarded, damaged, writer"
    static let ofLog = "SELECT \(columns) FROM checkpoints WHERE log = ?"
    static let all = "SELECT \(columns) FROM checkpoints ORDER BY log"

    static func read(_ log: LogID, _ select: PreparedStatement) throws(StoreError) -> Checkpoint? {
        try select.bind(log.description, 1)
        defer { select.reset() }
        return try select.step() ? try row(select) : nil
    }

    static func row(_ select: PreparedStatement) throws(StoreError) -> Checkpoint {
        guard let log = LogID(select.text(0)) else {
            throw StoreError(.unusable, "\"\(select.text(0))\" in checkpoints is no log id: the file is damaged")
        }
        return Checkpoint(
            log: log, node: select.text(1), writer: WriterID(number(select, 8)),
            position: LogPosition(number(select, 2)), accepted: LogPosition(number(select, 3)),
            stored: number(select, 4), duplicates: number(select, 5), discarded: number(select, 6),
            damaged: number(select, 7))
    }

    /// Writes what a commit changes; the writer is not among it.
    static func write(_ row: Checkpoint, _ update: PreparedStatement) throws(StoreError) {
        for (index, number) in [
            row.position.readings, row.accepted.readings, row.stored, row.duplicates, row.discarded, row.damaged,
        ].enumerated() {
            try update.bind(Int64(bitPattern: number), Int32(index + 1))
        }
        try update.bind(row.log.description, 7)
        try update.run()
    }

    static let update = """
        UPDATE checkpoints
        SET position = ?, accepted = ?, stored = ?, duplicates = ?, discarded = ?, damaged = ? WHERE log = ?
        """

    private static func number(_ select: PreparedStatement, _ column: Int32) -> UInt64 {
        UInt64(bitPattern: select.int64(column))
    }
}
