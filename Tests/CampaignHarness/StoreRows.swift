import Campaign
import Foundation
import NodeHarness
import ServerHarness
import Telemetry

/// What the database itself says, asked over its socket.
struct StoreRows: Sendable {
    let server: PostgresServer
    let database: String

    private func rows(_ sql: String) throws -> [[Substring]] {
        try server.run(sql, in: database).split(separator: "\n").map {
            $0.split(separator: "|", omittingEmptySubsequences: false)
        }
    }

    func readings() throws -> [Reading] {
        try rows(
            """
            SELECT devices.name, series.metric, (extract(epoch FROM readings.time) * 1000000)::bigint, readings.value
            FROM readings LEFT JOIN series ON series.id = readings.series
            LEFT JOIN devices ON devices.id = series.device
            """
        ).map { row in
            guard let fact = Reading(row) else { throw HarnessError("no row of readings: \(row)") }
            return fact
        }
    }

    func audit() throws -> [Checks.AuditRow] {
        try rows("SELECT decision, device, fencing_token, time FROM audit ORDER BY id").map { row in
            guard row.count == 4 else { throw HarnessError("no row of audit: \(row)") }
            return Checks.AuditRow(
                decision: String(row[0]), device: DeviceID(String(row[1])), token: Int(row[2]), time: String(row[3]))
        }
    }

    /// Nil before the first election.
    func leader() throws -> Checks.Leader? {
        guard let row = try rows("SELECT token, holder FROM jobs").first, row.count == 2, let token = Int(row[0]) else {
            return nil
        }
        return Checks.Leader(name: String(row[1]), token: token)
    }

    /// The sum over all logs, or over those of these nodes.
    func checkpoints(of nodes: [String]? = nil) throws -> Checks.Ledger {
        let names = nodes.map { "WHERE node IN (\($0.map { "'\($0)'" }.joined(separator: ", ")))" } ?? ""
        let sums = ["accepted", "stored", "duplicates", "discarded", "damaged"].map { "coalesce(sum(\($0)), 0)" }
        let row = try rows("SELECT \(sums.joined(separator: ", ")) FROM checkpoints \(names)").first ?? []
        let numbers = row.compactMap { Int($0) }
        guard numbers.count == sums.count else { throw HarnessError("no sums of checkpoints: \(row)") }
        return Checks.Ledger(
            accepted: numbers[0], stored: numbers[1], pending: 0, duplicates: numbers[2], discarded: numbers[3],
            damaged: numbers[4], orphaned: 0)
    }

    func deletedDevices(among devices: Set<DeviceID>) throws -> Set<DeviceID> {
        let there = Set(try rows("SELECT name FROM devices").compactMap { $0.first.map(String.init) })
        return devices.filter { !there.contains($0.text) }
    }

    static let dumped = [
        "devices", "series", "readings", "latest", "checkpoints", "tombstones", "quarantine", "audit", "jobs", "ticks",
    ]

    /// Every table of interest as text in a folder.
    func dump(to folder: String) {
        for table in Self.dumped {
            let text = (try? server.run("SELECT * FROM \(table)", in: database)) ?? "not readable"
            try? Data(text.utf8).write(to: URL(filePath: "\(folder)/store-\(table).txt"))
        }
    }
}
