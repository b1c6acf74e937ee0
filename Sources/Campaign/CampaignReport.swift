/// How one campaign ended.
package struct CampaignReport: Hashable, Sendable {
    package let seed: UInt64
    package let nodesCount: Int
    package let faultsCount: Int
    package var seconds = 0.0
    package var sent = 0
    package var accepted = 0
    package var stored = 0
    package var duplicates = 0
    package var elections = 0
    package var pruned = 0
    package var drained = 0
    package var violations: [Violation] = []
    /// Where logs and dumps are; nil if they were removed.
    package var folder: String?

    package init(_ schedule: CampaignSchedule) {
        seed = schedule.seed
        nodesCount = schedule.nodesCount
        faultsCount = schedule.faults.count
    }

    package var isGood: Bool { violations.isEmpty }

    /// One line a figure, then one a violation.
    package var table: String {
        let figures: [(String, String)] = [
            ("seed", "\(seed)"), ("result", isGood ? "passed" : "FAILED"), ("nodes", "\(nodesCount)"),
            ("faults", "\(faultsCount)"), ("seconds", "\(rounded)"), ("readings sent", "\(sent)"),
            ("seen accepted", "\(accepted)"), ("stored", "\(stored)"), ("duplicates", "\(duplicates)"),
            ("leaders seen", "\(elections)"), ("devices pruned", "\(pruned)"), ("logs drained", "\(drained)"),
        ]
        let lines = figures.map { "  \($0)" + String(repeating: " ", count: max(1, 16 - $0.count)) + $1 }
        return (lines + violations.map { "  BROKEN: \($0)" } + (folder.map { ["  kept: \($0)"] } ?? []))
            .joined(separator: "\n")
    }

    package var json: String {
        let broken = violations.map { "{\"promise\":\(Self.quoted($0.promise.rawValue)),\"count\":\($0.count)}" }
        return "{\"seed\":\(seed),\"result\":\"\(isGood ? "passed" : "failed")\",\"nodes\":\(nodesCount),"
            + "\"faults\":\(faultsCount),\"seconds\":\(rounded),\"sent\":\(sent),\"accepted\":\(accepted),"
            + "\"stored\":\(stored),\"duplicates\":\(duplicates),\"leaders\":\(elections),\"pruned\":\(pruned),"
            + "\"drained\":\(drained),\"violations\":[\(broken.joined(separator: ","))],"
            + "\"folder\":\(folder.map(Self.quoted) ?? "null")}"
    }

    private var rounded: Double { (seconds * 10).rounded() / 10 }

    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            if scalar == "\"" || scalar == "\\" { quoted.unicodeScalars.append("\\") }
            quoted.unicodeScalars.append(scalar.value < 0x20 ? " " : scalar)
        }
        return quoted + "\""
    }
}
