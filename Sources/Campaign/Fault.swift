/// Something that goes wrong for a while, or a planned change under load.
package enum Fault: Hashable, Sendable {
    /// SIGKILL; it is started again when the fault ends.
    case kill(node: Int)
    /// SIGSTOP, then SIGCONT.
    case freeze(node: Int)
    /// Nothing passes between these nodes and all others. Servers stay on the side of the others, or of both.
    case split(nodes: [Int], fromServers: Bool)
    /// It hears no node, while all hear it.
    case deaf(node: Int)
    /// No node hears it, while it hears all.
    case mute(node: Int)
    /// What it answers devices is lost; what they send arrives.
    case answersLost(node: Int)
    /// It reaches neither the store nor the keeper of the lease.
    case serversLost(node: Int)
    /// So much of what it sends is lost, to whomever.
    case loss(node: Int, percent: Int)
    /// Its data folder has no room left.
    case diskFull(node: Int)
    /// The database server is killed; it is started again on its data.
    case databaseKilled
    /// Redis is killed; it comes back with what it knew, or empty.
    case redisKilled(emptied: Bool)
    /// Its wall clock is that many seconds ahead (behind, if negative); monotonic clocks go on.
    case clock(node: Int, seconds: Int)
    /// Each of these nodes in turn is stopped gracefully and started again.
    case rollingRestart(nodes: [Int])
    /// A node that was never there before.
    case join(node: Int)
    /// Stopped gracefully, for good.
    case leave(node: Int)

    package enum Kind: String, CaseIterable, Sendable {
        case kill, freeze, split, deaf, mute, answersLost, serversLost, loss, diskFull, databaseKilled, redisKilled
        case redisEmptied, clock, rollingRestart, join, leave
    }

    package var kind: Kind {
        switch self {
        case .kill: .kill
        case .freeze: .freeze
        case .split: .split
        case .deaf: .deaf
        case .mute: .mute
        case .answersLost: .answersLost
        case .serversLost: .serversLost
        case .loss: .loss
        case .diskFull: .diskFull
        case .databaseKilled: .databaseKilled
        case .redisKilled(let emptied): emptied ? .redisEmptied : .redisKilled
        case .clock: .clock
        case .rollingRestart: .rollingRestart
        case .join: .join
        case .leave: .leave
        }
    }

    /// Nodes that may not serve devices because of it.
    package var nodes: [Int] {
        switch self {
        case .kill(let node), .freeze(let node), .deaf(let node), .mute(let node), .answersLost(let node),
            .serversLost(let node), .loss(let node, _), .diskFull(let node), .clock(let node, _), .join(let node),
            .leave(let node):
            [node]
        case .split(let nodes, _), .rollingRestart(let nodes): nodes
        case .databaseKilled, .redisKilled: []
        }
    }
}

extension Fault: CustomStringConvertible {
    package var description: String {
        let names = nodes.map { "n\($0)" }.joined(separator: ", ")
        return switch self {
        case .kill: "\(names) is killed, and started again"
        case .freeze: "\(names) stands still"
        case .split(_, let fromServers):
            "\(names) apart from the other nodes" + (fromServers ? " and from servers" : "")
        case .deaf: "\(names) hears no other node"
        case .mute: "\(names) is heard by no other node"
        case .answersLost: "answers of \(names) to devices are lost"
        case .serversLost: "\(names) reaches neither the database nor Redis"
        case .loss(_, let percent): "\(names) loses \(percent) % of what it sends"
        case .diskFull: "the disk of \(names) is full"
        case .databaseKilled: "the database is killed, and started again"
        case .redisKilled(let emptied): "Redis is killed, and started again" + (emptied ? " empty" : " as it was")
        case .clock(_, let seconds): "the clock of \(names) is \(abs(seconds)) s \(seconds < 0 ? "behind" : "ahead")"
        case .rollingRestart: "\(names) restarted in turn"
        case .join: "\(names) joins"
        case .leave: "\(names) leaves for good"
        }
    }
}

/// A fault with its time, in milliseconds from the beginning of the load.
package struct PlannedFault: Hashable, Sendable, CustomStringConvertible {
    package let fault: Fault
    package let start: Int
    package let end: Int

    package init(_ fault: Fault, from start: Int, to end: Int) {
        self.fault = fault
        self.start = start
        self.end = end
    }

    /// - Parameter slack: milliseconds that have to lie between two.
    package func overlaps(_ other: PlannedFault, slack: Int = 0) -> Bool {
        start < other.end + slack && other.start < end + slack
    }

    package var description: String { "\(Self.seconds(start)) – \(Self.seconds(end)) s  \(fault)" }

    private static func seconds(_ milliseconds: Int) -> String {
        let text = "\(milliseconds / 1000).\(milliseconds % 1000 / 100)"
        return String(repeating: " ", count: max(0, 5 - text.count)) + text
    }
}
