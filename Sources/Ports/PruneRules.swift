package import Telemetry

// What stores decide alike, whatever they keep their rows in.

extension StoreError {
    /// Tells whoever holds `token` that it may not act any more.
    package static func fenced(_ token: FencingToken, newest: FencingToken) -> StoreError {
        StoreError(
            .fenced(newest: newest),
            "token \(token) may not act any more, the newest is \(newest): another node was elected since")
    }
}

extension RunTurn {
    /// Microseconds until the next run may begin; nil if it may now.
    ///
    /// A run in the future was begun by a clock that was set back since: it holds nobody up.
    package static func wait(since last: Instant?, now: Instant, period: Int64) -> Int64? {
        guard let last, last <= now else { return nil }
        let left = max(0, period) - now.microseconds(since: last)
        return left > 0 ? left : nil
    }
}

extension SilentDevice {
    /// The time of its tombstone if it is deleted at `now`.
    package func tombstone(at now: Instant) -> Tombstone {
        Tombstone(device: device, time: lastHeard.advanced(byMicroseconds: now.microseconds(since: lastHeard) / 2))
    }
}

extension Approval {
    /// Members in one approval, and in all of them together.
    package static let membersMax = 1_000

    /// Nil if it approves of nothing.
    package var ifAny: Approval? { heardThrough == nil && members.isEmpty ? nil : self }
}

/// Members as a store keeps them: a line each, those that were approved last at the end.
package enum MemberLines {
    /// Of a name with a line break there is no member.
    package static func text(_ members: [String]) -> String {
        joined(members.filter { !$0.isEmpty && !$0.contains(where: \.isNewline) })
    }

    /// Sorted.
    package static func members(in text: String) -> [String] { lines(text).sorted() }

    /// All of both. Of too many, those that were approved first are forgotten.
    package static func adding(_ new: String, to old: String) -> String {
        let added = lines(new)
        let known = Set(added)
        return joined(lines(old).filter { !known.contains($0) } + added)
    }

    /// All of `text` but `gone`.
    package static func removing(_ gone: [String], from text: String) -> String {
        let gone = Set(gone)
        return joined(lines(text).filter { !gone.contains($0) })
    }

    private static func lines(_ text: String) -> [String] { text.split(separator: "\n").map(String.init) }

    private static func joined(_ lines: [String]) -> String {
        lines.suffix(Approval.membersMax).joined(separator: "\n")
    }
}
