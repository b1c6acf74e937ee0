package import Telemetry

/// What must hold when everything has healed. Each check is a value of what was seen from outside: of what clients wrote
/// down, of rows in the database, of answers of nodes.
package enum Checks {
    // MARK: Readings

    /// Every accepted reading is stored once with its value, and nothing is stored that was never sent.
    /// - Parameters:
    ///   - stored: every row.
    ///   - deleted: devices that the pruner deleted, whose readings went with them.
    package static func stored(
        _ stored: [Reading], of readings: SentReadings, deleted: Set<DeviceID>
    ) -> [Violation] {
        var once: Set<Reading> = []
        var doubled: [String] = []
        var wrong: [String] = []
        var foreign: [String] = []
        var back: [String] = []
        let sentAt = Dictionary(readings.sent.map { (Place($0), $0.value) }) { first, _ in first }
        for fact in stored {
            if !once.insert(fact).inserted { doubled.append("\(fact)") }
            if deleted.contains(fact.series.device) { back.append("\(fact)") }
            guard !readings.sent.contains(fact) else { continue }
            if let value = sentAt[Place(fact)] {
                wrong.append("\(fact), sent as \(value)")
            } else {
                foreign.append("\(fact)")
            }
        }
        let lost = readings.accepted.filter { !once.contains($0) && !deleted.contains($0.series.device) }
        return Violation.of(.acceptedIsStored, lost.map(\.description)) + Violation.of(.storedOnce, doubled)
            + Violation.of(.rightValue, wrong) + Violation.of(.nothingForeign, foreign)
            + Violation.of(.deletedStaysDeleted, back)
    }

    private struct Place: Hashable {
        let series: Series
        let time: Instant

        init(_ fact: Reading) { (series, time) = (fact.series, fact.time) }
    }

    /// `/latest` of a node is the newest stored reading of every device.
    /// - Parameter hidden: devices that it leaves out.
    package static func latest(
        _ latest: [Reading], of node: String, stored: [Reading], hidden: Set<DeviceID>
    ) -> [Violation] {
        var newest: [Series: Reading] = [:]
        for fact in stored where !hidden.contains(fact.series.device) {
            if let known = newest[fact.series], known > fact { continue }
            newest[fact.series] = fact
        }
        var told: [Series: Reading] = [:]
        var wrong: [String] = []
        for fact in latest {
            if told.updateValue(fact, forKey: fact.series) != nil { wrong.append("\(node) tells \(fact.series) twice") }
            if newest[fact.series] != fact {
                wrong.append("\(node) tells \(fact), stored is \(newest[fact.series]?.description ?? "nothing")")
            }
        }
        let missing = newest.values.filter { told[$0.series] == nil }.map { "\(node) lacks \($0)" }
        return Violation.of(.latestIsComplete, missing) + Violation.of(.latestIsRight, wrong)
    }

    // MARK: Ledger

    package struct Ledger: Hashable, Sendable, CustomStringConvertible {
        package var accepted: Int
        package var stored: Int
        package var pending: Int
        package var duplicates: Int
        package var discarded: Int
        package var damaged: Int
        package var orphaned: Int

        package init(
            accepted: Int, stored: Int, pending: Int, duplicates: Int, discarded: Int, damaged: Int, orphaned: Int
        ) {
            self.accepted = accepted
            self.stored = stored
            self.pending = pending
            self.duplicates = duplicates
            self.discarded = discarded
            self.damaged = damaged
            self.orphaned = orphaned
        }

        package var description: String {
            "accepted \(accepted), stored \(stored), pending \(pending), duplicates \(duplicates), "
                + "discarded \(discarded), damaged \(damaged), orphaned \(orphaned)"
        }
    }

    /// Everything that the members ever accepted is accounted for, and is what the store knows of their logs.
    /// - Parameters:
    ///   - ledger: as a node sums it over the members.
    ///   - members: the members' logs by the rows of their checkpoints.
    package static func ledger(_ ledger: Ledger, of node: String, members: Ledger) -> [Violation] {
        var cases: [String] = []
        func expect(_ holds: Bool, _ what: String) { if !holds { cases.append("\(node) \(what): \(ledger)") } }
        let sum = ledger.stored + ledger.pending + ledger.duplicates + ledger.discarded + ledger.damaged
        expect(ledger.accepted == sum, "has a gap of \(ledger.accepted - sum)")
        expect(ledger.pending == 0, "has pending readings")
        expect(ledger.discarded == 0, "has discarded readings")
        expect(ledger.damaged == 0, "has damaged readings")
        expect(ledger.orphaned == 0, "has orphaned readings")
        expect(ledger.accepted == members.accepted, "differs from the store's checkpoints (\(members))")
        return Violation.of(.ledgerIsClosed, cases)
    }

    /// The checkpoints of all logs that ever were agree with the rows there are and with what clients saw.
    /// - Parameters:
    ///   - rows: in the table of readings.
    ///   - deletedRows: that went with devices: no more than this.
    ///   - accepted: readings that clients saw accepted.
    package static func checkpoints(_ all: Ledger, rows: Int, deletedRows: Int, accepted: Int) -> [Violation] {
        var cases: [String] = []
        let sum = all.stored + all.duplicates + all.discarded + all.damaged
        if all.accepted != sum { cases.append("all logs have a gap of \(all.accepted - sum): \(all)") }
        if all.accepted < accepted { cases.append("clients saw \(accepted) accepted, all logs \(all)") }
        if !(rows...rows + deletedRows).contains(all.stored) {
            cases.append("there are \(rows) rows and at most \(deletedRows) deleted, all logs \(all)")
        }
        return Violation.of(.ledgerIsClosed, cases)
    }

    // MARK: Pruner

    package struct AuditRow: Hashable, Sendable {
        package let decision: String
        package let device: DeviceID?
        package let token: Int?
        package let time: String

        package init(decision: String, device: DeviceID?, token: Int?, time: String) {
            self.decision = decision
            self.device = device
            self.token = token
            self.time = time
        }
    }

    /// Who led, as the job's row in the database or a node told it at some moment.
    package struct Leader: Hashable, Sendable {
        package let name: String
        package let token: Int

        package init(name: String, token: Int) {
            self.name = name
            self.token = token
        }
    }

    /// Only those who fell silent for good were taken, all of them, under tokens that never go back, and of one leader each.
    /// - Parameters:
    ///   - audit: in the order in which it was written.
    ///   - ghosts: devices that stopped for good.
    ///   - minted: the job's row at one moment after the other.
    ///   - told: what nodes said of the leader, in any order.
    package static func pruner(
        audit: [AuditRow], ghosts: Set<DeviceID>, minted: [Leader], told: [Leader]
    ) -> [Violation] {
        let taken = audit.filter { ["hide", "delete"].contains($0.decision) }
        let alive = taken.compactMap { row -> String? in
            guard let device = row.device, !ghosts.contains(device) else { return nil }
            return "\(row.decision) \(device) at \(row.time) under token \(row.token.map(String.init) ?? "none")"
        }
        let deleted = Set(taken.filter { $0.decision == "delete" }.compactMap(\.device))
        let left = ghosts.subtracting(deleted).map { "\($0) was not deleted" }
        var back: [String] = []
        let acts = audit.compactMap { row in row.token.map { (token: $0, row: row) } }
        for (before, after) in zip(acts, acts.dropFirst()) where after.token < before.token {
            back.append("\(after.row.decision) at \(after.row.time) under \(after.token) after \(before.token)")
        }
        for (before, after) in zip(minted, minted.dropFirst()) where after.token < before.token {
            back.append("\(after.name) was elected with \(after.token) after \(before.token)")
        }
        for row in taken where row.token == nil { back.append("\(row.decision) at \(row.time) without a token") }
        let holders = Dictionary(grouping: minted + told) { $0.token }.mapValues { Set($0.map(\.name)) }
        let shared = holders.filter { $0.value.count > 1 }.map {
            "token \($0.key) is of \($0.value.sorted().joined(separator: " and "))"
        }
        return Violation.of(.aliveIsNotPruned, alive) + Violation.of(.ghostsArePruned, left)
            + Violation.of(.tokensIncrease, back) + Violation.of(.onePruner, shared)
    }

    // MARK: Logs

    /// What a program that crashed leaves in its log.
    private static let crashMarks = [
        "Fatal error", "Program crashed", "*** Signal", "Precondition failed", "libc++abi",
    ]

    package static func log(_ text: String, of node: String) -> [Violation] {
        let lines = text.split(separator: "\n").filter { line in crashMarks.contains { line.contains($0) } }
        return Violation.of(.logsAreClean, lines.map { "\(node): \($0.prefix(300))" })
    }
}
