import ControlPlane
import HashRing
import Membership
import Telemetry

/// What must hold at every moment, and what once nothing happens any more.
extension VirtualFlock {
    /// Deaths are explained this long after what explains them: a suspicion lasts 8 s, and the word takes its time.
    static let excuse: Int64 = 15_000_000
    /// More loss than this may kill in the smallest flocks.
    static let lossExcused = 0.2

    mutating func fail(_ text: String) {
        failures.append("\(Trace.seconds(now)) \(text)")
    }

    mutating func note(_ what: StaticString, _ index: Int, _ text: @autoclosure () -> String) {
        guard isChecked else { return }
        trace.note(now, what, UInt64(index), text: "\(nodes[index].name) \(text())")
    }

    mutating func noteState(of index: Int, _ effectsCount: Int) {
        guard let membership = nodes[index].plane?.membership else { return }
        if let known = lives[membership.me.id], known > membership.me.revision { fail("\(membership.me) went back") }
        lives[membership.me.id] = membership.me.revision
        trace.note(now, "step", UInt64(index), membership.digest, UInt64(effectsCount), text: nodes[index].name)
    }

    mutating func excuse(_ indexes: some Sequence<Int>, until moment: Moment) {
        for index in indexes { nodes[index].excusedUntil = max(nodes[index].excusedUntil, moment) }
    }

    mutating func told(_ member: Member, at index: Int) {
        changesCount += 1
        guard isChecked else { return }
        note("told", index, member.summary)
        if let old = nodes[index].told[member.name], !member.supersedes(old) {
            fail("\(nodes[index].name) went back from \(old.summary) to \(member.summary)")
        }
        nodes[index].told[member.name] = member
        guard let revision = lives[member.id], member.revision <= revision else {
            return fail("\(nodes[index].name) invented \(member.summary)")
        }
        guard member.status == .dead, let subject = life(member.id), now > nodes[subject].excusedUntil else { return }
        fail("\(nodes[index].name) takes \(member.summary) for dead, and it is well")
    }

    /// The running node whose life this is.
    private func life(_ id: MemberID) -> Int? {
        guard let index = indexes[id.address], nodes[index].plane?.membership.me.id == id else { return nil }
        return index
    }

    mutating func superseded(by id: MemberID, at index: Int) {
        note("superseded", index, "\(id)")
        let mine = nodes[index].plane?.membership.me.id
        if let mine, id.name != mine.name || !id.isLaterLife(than: mine) { fail("\(mine) superseded by \(id)") }
        nodes[index].plane = nil
    }

    mutating func check(_ messages: [Message], from index: Int, to address: MemberAddress) {
        if address == nodes[index].address { fail("\(nodes[index].name) talks to its own address") }
        for message in messages {
            let size = message.rumors.count
            if size > limits.messageRumorsMax { fail("\(size) rumors in one message") }
        }
    }

    // MARK: Once quiet

    /// Everybody who runs knows everybody who runs and nobody else, alive and of this life.
    package var isSettled: Bool {
        var digest: UInt64?
        let running = running
        for index in running {
            guard let membership = nodes[index].plane?.membership, !nodes[index].isPaused,
                membership.presentCount == running.count, digest == nil || digest == membership.digest
            else { return false }
            digest = membership.digest
        }
        return unsettled.isEmpty
    }

    /// Those who see it otherwise.
    package var unsettled: [String] {
        let wanted = running.compactMap { nodes[$0].plane?.membership.me }.sorted { $0.name < $1.name }
        return running.compactMap { index -> String? in
            let members = nodes[index].plane?.membership.members.filter(\.status.isPresent)
            let seen = members?.sorted { $0.name < $1.name } ?? []
            let paused = nodes[index].isPaused ? " paused" : ""
            return seen == wanted ? nil : "\(nodes[index].name)\(paused) sees \(seen.map(\.summary))"
        }
    }

    /// Who holds somebody for dead whom another knows to have left in that life.
    package var unheardLeaves: [String] {
        let tables = running.compactMap { index in
            nodes[index].plane.map { (name: nodes[index].name, members: $0.membership.members) }
        }
        let left = Set(tables.flatMap(\.members).filter { $0.status == .left }.map(\.id))
        return tables.flatMap { table in
            table.members.filter { $0.status == .dead && left.contains($0.id) }
                .map { "\(table.name) holds \($0.name), which left, for dead" }
        }
    }

    /// All running nodes see the same number of members, and of them the same.
    package var isAgreed: Bool {
        var digest: UInt64?
        let running = running
        for index in running {
            guard let membership = nodes[index].plane?.membership, membership.presentCount == running.count,
                digest == nil || digest == membership.digest
            else { return false }
            digest = membership.digest
        }
        return true
    }

    /// Nobody who runs holds that one of `gone` is there.
    package func areGone(_ gone: some Sequence<Int>) -> Bool {
        let names = gone.map { nodes[$0].name }
        return running.allSatisfy { index in
            names.allSatisfy { nodes[index].plane?.membership.member($0)?.status.isPresent != true }
        }
    }

    /// Whether all who run see what `index` says of itself.
    package func isSeenByAll(_ index: Int) -> Bool {
        guard let me = nodes[index].plane?.membership.me else { return false }
        return running.allSatisfy { nodes[$0].plane?.membership.member(me.name) == me }
    }

    /// The dead that `index` holds, by name.
    package func dead(at index: Int) -> [String] {
        nodes[index].plane?.membership.members.filter { $0.status == .dead }.map(\.name) ?? []
    }

    /// Equal tables must give equal owners, and these the running nodes.
    mutating func checkOwners() {
        let wanted = running.compactMap { nodes[$0].plane?.membership.me }
            .map { Owner(name: $0.name, incarnation: $0.id.incarnation) }.sorted()
        for index in running where nodes[index].plane?.owners != wanted {
            fail("\(nodes[index].name) has the owners \(nodes[index].plane?.owners ?? []) instead of \(wanted)")
        }
    }
}

extension Member {
    var summary: String { "\(id) r\(revision) \(status)" }
}
