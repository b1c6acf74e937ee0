import Ports
import Telemetry

extension Writer {
    func register(log: LogID, node: String) throws(StoreError) -> Checkpoint {
        try transaction("registering log \(log)") { session, connection throws(StoreError) in
            let insert = try session.statement(
                """
                INSERT INTO checkpoints (log, node, position, accepted, stored, duplicates, discarded, damaged)
                VALUES (?, ?, 0, 0, 0, 0, 0, 0) ON CONFLICT (log) DO NOTHING
                """, connection)
            try insert.bind(log.description, 1)
            try insert.bind(node, 2)
            try insert.run()
            let select = try session.statement(CheckpointRow.ofLog, connection)
            guard let row = try CheckpointRow.read(log, select) else {
                throw StoreError(.unusable, "the row just written is not there: the file is damaged")
            }
            return row
        }
    }
}

/// The table `checkpoints`.
enum CheckpointRow {
    private static let columns = "log, node, position, accepted, stored, duplicates, discarded, damaged"
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
            log: log, node: select.text(1), position: LogPosition(counter(select, 2)),
            accepted: LogPosition(counter(select, 3)), stored: counter(select, 4), duplicates: counter(select, 5),
            discarded: counter(select, 6), damaged: counter(select, 7))
    }

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

    private static func counter(_ select: PreparedStatement, _ column: Int32) -> UInt64 {
        UInt64(bitPattern: select.int64(column))
    }
}
