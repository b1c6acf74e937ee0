import Campaign
import Telemetry
import Testing

@Suite struct PrunerCheckTests {
    private static let ghosts: Set<DeviceID> = [DeviceID(unchecked: "ghost")]
    private static let audit = [row("wait", nil, 1), row("hide", "ghost", 2), row("delete", "ghost", 2)]
    private static let leaders = [Checks.Leader(name: "n0", token: 1), Checks.Leader(name: "n1", token: 2)]

    private static func row(_ decision: String, _ device: String?, _ token: Int?) -> Checks.AuditRow {
        Checks.AuditRow(
            decision: decision, device: device.map { DeviceID(unchecked: $0) }, token: token, time: "then")
    }

    private func found(
        _ audit: [Checks.AuditRow] = audit, minted: [Checks.Leader] = leaders, told: [Checks.Leader] = []
    ) -> [Violation.Promise] {
        Checks.pruner(audit: audit, ghosts: Self.ghosts, minted: minted, told: told).map(\.promise)
    }

    @Test func onePrunerThatTakesTheSilentIsRight() {
        #expect(found() == [])
        #expect(found(told: Self.leaders.reversed()) == [], "nodes may learn of it late")
    }

    @Test(arguments: ["hide", "delete"]) func anAliveDeviceThatWasTakenIsFound(_ decision: String) {
        #expect(found(Self.audit + [Self.row(decision, "alive", 2)]) == [.aliveIsNotPruned])
        #expect(found(Self.audit + [Self.row("restore", "alive", nil)]) == [], "a person may do that")
    }

    @Test func aGhostThatWasLeftIsFound() {
        #expect(found(Array(Self.audit.dropLast())) == [.ghostsArePruned])
    }

    @Test func twoLeadersAreFound() {
        #expect(found(minted: Self.leaders + [Checks.Leader(name: "n2", token: 2)]) == [.onePruner])
        #expect(found(told: [Checks.Leader(name: "n2", token: 1)]) == [.onePruner])
    }

    @Test func aTokenThatGoesBackIsFound() {
        #expect(found(Self.audit + [Self.row("wait", nil, 1)]) == [.tokensIncrease], "an old leader acted")
        #expect(found(minted: Self.leaders.reversed()) == [.tokensIncrease], "an old one was minted")
        #expect(found([Self.row("delete", "ghost", nil)]) == [.tokensIncrease], "none at all")
    }

    @Test func aCrashIsFoundInALog() {
        #expect(Checks.log("all well\nstopped", of: "n0") == [])
        for line in ["Fatal error: Index out of range", "*** Signal 11: Backtracing", "Precondition failed"] {
            #expect(Checks.log("all well\nx: \(line)\n", of: "n0").map(\.promise) == [.logsAreClean])
        }
    }

    @Test func aReportSaysWhatWasBroken() {
        let schedule = CampaignSchedule(seed: 3, nodesCount: 5, milliseconds: 60_000)
        var report = CampaignReport(schedule)
        #expect(report.isGood && report.json.contains("\"result\":\"passed\""))
        report.violations = Violation.of(.acceptedIsStored, (0..<9).map { "reading \($0)" })
        report.folder = "/tmp/a \"folder\""
        #expect(report.json.contains("\"result\":\"failed\"") && report.json.contains("\"count\":9"))
        #expect(report.json.contains(#""folder":"/tmp/a \"folder\"""#))
        #expect(report.table.contains("reading 0; reading 1; reading 2; reading 3; reading 4; …"))
    }
}
