import Ports
import Telemetry

/// The table `checkpoints`.
///
/// Who reads a row to act on it locks it: a transaction of a connection that broke has the row's lock for as long as it
/// may still go in, whatever became of the client.
enum CheckpointSQL {
    private static let columns = "log, node, position, accepted, stored, duplicates, discarded, damaged, writer"
    private static let ofLog = "SELECT \(columns) FROM checkpoints WHERE log = $1"
    static let all = "SELECT \(columns) FROM checkpoints ORDER BY log"

    static func lock(_ log: LogID) -> Link.Statement { .init("\(ofLog) FOR NO KEY UPDATE", [.uuid(log)]) }
    static func settled(_ log: LogID) -> Link.Statement { .init("\(ofLog) FOR SHARE", [.uuid(log)]) }
    static func read(_ log: LogID) -> Link.Statement { .init(ofLog, [.uuid(log)]) }

    static func row(_ rows: Rows?, _ row: Int = 0) -> Checkpoint? {
        guard let rows, row < rows.count else { return nil }
        return Checkpoint(
            log: rows.uuid(row, 0), node: rows.text(row, 1), writer: WriterID(rows.bits(row, 8)),
            position: LogPosition(rows.bits(row, 2)), accepted: LogPosition(rows.bits(row, 3)),
            stored: rows.bits(row, 4), duplicates: rows.bits(row, 5), discarded: rows.bits(row, 6),
            damaged: rows.bits(row, 7))
    }

    /// Writes what a commit changes; the writer is not among it.
    static func write(_ row: Checkpoint) -> Link.Statement {
        .init(
            """
            UPDATE checkpoints
            SET position = $1, accepted = $2, stored = $3, duplicates = $4, discarded = $5, damaged = $6 WHERE log = $7
            """,
            [
                .bits(row.position.readings), .bits(row.accepted.readings), .bits(row.stored), .bits(row.duplicates),
                .bits(row.discarded), .bits(row.damaged), .uuid(row.log),
            ])
    }

    static func claim(_ log: LogID, from old: WriterID, by writer: WriterID, _ link: Link) throws(Failure)
        -> Checkpoint?
    {
        try whole(
            link,
            [
                lock(log),
                .init(
                    "UPDATE checkpoints SET writer = $1 WHERE log = $2 AND writer = $3 AND writer <> $1",
                    [.bits(writer.number), .uuid(log), .bits(old.number)]),
                read(log),
            ])
    }

    static func register(
        _ log: LogID, node: String, by writer: WriterID, replacing replaced: LogID?, _ link: Link
    ) throws(Failure) -> Checkpoint {
        var statements: [Link.Statement] = [
            .init(
                """
                INSERT INTO checkpoints (log, node, position, accepted, stored, duplicates, discarded, damaged, writer)
                VALUES ($1, $2, 0, 0, 0, 0, 0, 0, $3) ON CONFLICT (log) DO NOTHING
                """, [.uuid(log), .text(node), .bits(writer.number)])
        ]
        if let replaced {
            statements.append(
                .init("UPDATE checkpoints SET accepted = position WHERE log = $1", [.uuid(replaced)]))
        }
        statements.append(lock(log))
        guard let row = try whole(link, statements) else {
            throw .store(StoreError(.unusable, "the row just written is not there: restore a backup"))
        }
        return row
    }

    /// One transaction in one round trip; its last statement selects the row.
    private static func whole(_ link: Link, _ statements: [Link.Statement]) throws(Failure) -> Checkpoint? {
        do throws(Failure) {
            let answers = try link.pipeline([.init("BEGIN")] + statements + [.init("COMMIT")])
            try Link.checkCommitted(answers.last)
            return row(answers[answers.count - 2])
        } catch {
            throw link.rolledBack(after: error)
        }
    }
}
