package import Ports
import Telemetry

/// How the members are, as the leader found them at the beginning of a run.
package struct FleetReport: Hashable, Sendable {
    package struct Member: Hashable, Sendable {
        package enum State: Hashable, Sendable {
            /// It answered: its oldest reading that is not stored yet waits for so many microseconds.
            case alive(backlog: Int64)
            /// It answered, and refused devices lately: its log is full, or its disk fails.
            case refusing
            case unanswering
            case suspect
            case dead
        }

        package let name: String
        package let incarnation: UInt64
        package let state: State

        package init(name: String, incarnation: UInt64, state: State) {
            self.name = name
            self.incarnation = incarnation
            self.state = state
        }

        /// It answered.
        package var isAlive: Bool {
            switch state {
            case .alive, .refusing: true
            case .unanswering, .suspect, .dead: false
            }
        }

        /// Which life of which member this is.
        package var life: String { "\(name) \(incarnation)" }
    }

    /// All but those who left, the leader itself among them.
    package let members: [Member]

    /// Readings in logs without a live node: whose they are is not known.
    package let orphaned: UInt64

    /// The store could not say how many those are.
    package let isOrphanedUnknown: Bool

    /// As an operator approves it: that many, and no more.
    private var orphans: String { "\(orphaned) orphaned readings" }

    /// - Parameter orphaned: nil if the store could not say.
    package init(members: [Member], orphaned: UInt64? = 0) {
        self.orphaned = orphaned ?? 0
        isOrphanedUnknown = orphaned == nil
        self.members = members.sorted { ($0.name, $0.incarnation) < ($1.name, $1.incarnation) }
    }

    /// The age of the oldest reading anywhere that is not stored yet.
    package var backlog: Int64 {
        members.reduce(0) { if case .alive(let backlog) = $1.state { max($0, backlog) } else { $0 } }
    }

    /// Who is there, each in its present life.
    package var lives: Set<String> { Set(members.map(\.life)) }

    /// None of those who were there at the last tick was away since: they are here in the same life, or they left, which
    /// is told and hands everything over.
    package func isUnbroken(since lives: Set<String>?) -> Bool {
        guard let lives else { return false }
        let present = Dictionary(members.map { ($0.name, $0.life) }) { first, _ in first }
        return lives.allSatisfy { life in
            let name = String(life[..<(life.lastIndex(of: " ") ?? life.endIndex)])
            return present[name].map { $0 == life } ?? true
        }
    }

    /// Of those who were approved to be gone, who is here again, in the same life.
    package func returned(of approved: Approval?) -> [String] {
        let alive = Set(members.filter(\.isAlive).map(\.life))
        return approved?.members.filter(alive.contains) ?? []
    }

    /// Why nothing that devices did not say can be held against them: somebody may have heard them without being able to
    /// tell.
    package func obstacle(_ rules: PruneRules, approved: Approval?) -> Waiting? {
        let gone = Set(approved?.members ?? [])
        var reasons: [String] = []
        var dead: [String] = []
        for member in members {
            switch member.state {
            case .dead, .suspect:
                guard !gone.contains(member.life) else { continue }
                let isDead = member.state == .dead
                reasons.append("\(member.name) is \(isDead ? "dead" : "suspect")")
                if isDead { dead.append(member.life) }
            case .refusing: reasons.append("\(member.name) refuses readings (its log says why)")
            case .unanswering: reasons.append("\(member.name) does not answer")
            case .alive(let backlog) where backlog > rules.backlogMax:
                reasons.append("\(member.name) has readings that are not stored yet")
            case .alive: break
            }
        }
        if orphaned > 0, !gone.contains(orphans) {
            reasons.append("\(orphaned) readings are in logs that have no node")
            dead.append(orphans)
        }
        if isOrphanedUnknown { reasons.append("the store cannot say whether readings are in logs that have no node") }
        guard !reasons.isEmpty else { return nil }
        let way = dead.isEmpty ? "" : "; start it again, or approve that it is gone (starling prune --approve)"
        return Waiting(
            reason: Self.summary(reasons, "silence does not count meanwhile" + way), approval: Approval(members: dead))
    }

    /// Names in one reason; the rest is counted.
    private static let namesMax = 10

    private static func summary(_ reasons: [String], _ consequence: String) -> String {
        var shown = reasons.prefix(namesMax).joined(separator: ", ")
        if reasons.count > namesMax { shown += " and \(reasons.count - namesMax) more" }
        return "\(shown): \(consequence)"
    }
}

extension Census {
    /// More than half of them may have fallen silent together: those who report seldom are only late as yet.
    package var isUnclear: Bool { fellSilent + late > heard }

    /// More than half of those who were heard lately fell silent together: that is a cut line before it is a dead fleet.
    /// - Parameter query: as the census was asked for.
    package func obstacle(_ query: CensusQuery) -> Waiting? {
        guard fellSilent > heard + late else { return nil }
        // Without numbers: the same reason from run to run, however many follow.
        return Waiting(
            reason: "more than half of the devices fell silent together: look for what they share, or approve it "
                + "(starling prune --approve, POST /prune/approve)",
            approval: Approval(heardThrough: query.recent))
    }
}
