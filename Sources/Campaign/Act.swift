/// One of the machines of a campaign.
package enum Machine: Hashable, Sendable {
    case node(Int)
    case database
    case redis
    case devices
}

/// What goes from one host to another.
package struct Way: Hashable, Sendable {
    package let from: Machine
    package let to: Machine

    package init(from: Machine, to: Machine) {
        self.from = from
        self.to = to
    }

    static func both(_ one: Machine, _ other: Machine) -> [Way] {
        [Way(from: one, to: other), Way(from: other, to: one)]
    }
}

/// What the driver does at one moment.
package enum Act: Hashable, Sendable {
    case kill(Int)
    /// SIGTERM; it comes back.
    case stop(Int)
    case start(Int)
    case join(Int)
    /// SIGTERM; it does not come back.
    case leave(Int)
    case freeze(Int)
    case thaw(Int)
    case cut([Way])
    case mend([Way])
    case lose(Int, percent: Int)
    case loseNoMore(Int, percent: Int)
    case fillDisk(Int)
    case freeDisk(Int)
    case killDatabase
    case startDatabase
    case killRedis
    case startRedis(emptied: Bool)
    /// Seconds that it is ahead of the machine's clock.
    case setClock(Int, seconds: Int)
}

extension Act: CustomStringConvertible {
    package var description: String {
        switch self {
        case .kill(let node): "kill n\(node)"
        case .stop(let node): "stop n\(node)"
        case .start(let node): "start n\(node)"
        case .join(let node): "start n\(node) for the first time"
        case .leave(let node): "stop n\(node) for good"
        case .freeze(let node): "freeze n\(node)"
        case .thaw(let node): "thaw n\(node)"
        case .cut(let ways): "cut \(Self.text(ways))"
        case .mend(let ways): "mend \(Self.text(ways))"
        case .lose(let node, let percent): "n\(node) loses \(percent) %"
        case .loseNoMore(let node, _): "n\(node) loses nothing"
        case .fillDisk(let node): "fill the disk of n\(node)"
        case .freeDisk(let node): "free the disk of n\(node)"
        case .killDatabase: "kill the database"
        case .startDatabase: "start the database"
        case .killRedis: "kill Redis"
        case .startRedis(let emptied): "start Redis" + (emptied ? ", empty" : "")
        case .setClock(let node, let seconds): "the clock of n\(node) is \(seconds) s ahead"
        }
    }

    private static func text(_ ways: [Way]) -> String {
        ways.map { "\(text($0.from))→\(text($0.to))" }.joined(separator: " ")
    }

    private static func text(_ host: Machine) -> String {
        if case .node(let index) = host { "n\(index)" } else { "\(host)" }
    }
}

/// An act with its time, in milliseconds from the beginning of the load.
package struct TimedAct: Hashable, Sendable {
    package let time: Int
    package let act: Act

    package init(_ time: Int, _ act: Act) {
        self.time = time
        self.act = act
    }
}

extension PlannedFault {
    /// - Parameter nodesCount: of all nodes that ever are.
    func acts(nodesCount: Int) -> [TimedAct] {
        switch fault {
        case .kill(let node): between(.kill(node), .start(node))
        case .freeze(let node): between(.freeze(node), .thaw(node))
        case .diskFull(let node): between(.fillDisk(node), .freeDisk(node))
        case .loss(let node, let percent): between(.lose(node, percent: percent), .loseNoMore(node, percent: percent))
        case .databaseKilled: between(.killDatabase, .startDatabase)
        case .redisKilled(let emptied): between(.killRedis, .startRedis(emptied: emptied))
        case .clock(let node, let seconds): between(.setClock(node, seconds: seconds), .setClock(node, seconds: 0))
        case .join(let node): [TimedAct(start, .join(node))]
        case .leave(let node): [TimedAct(start, .leave(node))]
        case .rollingRestart(let nodes): Self.restarts(nodes, from: start)
        case .split, .deaf, .mute, .answersLost, .serversLost:
            between(.cut(ways(nodesCount)), .mend(ways(nodesCount)))
        }
    }

    private func between(_ first: Act, _ last: Act) -> [TimedAct] { [TimedAct(start, first), TimedAct(end, last)] }

    private static func restarts(_ nodes: [Int], from start: Int) -> [TimedAct] {
        nodes.enumerated().flatMap { index, node in
            let time = start + index * CampaignSchedule.restartMilliseconds
            return [
                TimedAct(time, .stop(node)), TimedAct(time + CampaignSchedule.restartMilliseconds / 2, .start(node)),
            ]
        }
    }

    private func ways(_ nodesCount: Int) -> [Way] {
        let affected = fault.nodes
        let others = (0..<nodesCount).filter { !affected.contains($0) }
        let pairs = affected.flatMap { one in others.map { (Machine.node(one), Machine.node($0)) } }
        let servers = affected.flatMap { Way.both(.node($0), .database) + Way.both(.node($0), .redis) }
        return switch fault {
        case .split(_, let fromServers): pairs.flatMap { Way.both($0, $1) } + (fromServers ? servers : [])
        case .deaf: pairs.map { Way(from: $1, to: $0) }
        case .mute: pairs.map { Way(from: $0, to: $1) }
        case .answersLost(let node): [Way(from: .node(node), to: .devices)]
        case .serversLost: servers
        default: []
        }
    }
}
