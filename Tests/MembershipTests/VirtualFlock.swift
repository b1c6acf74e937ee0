import Membership
import Telemetry

/// Mistakes a core or its driver could make, made on purpose between the core and the network: each shows that the
/// checks can fail.
enum PlantedMistake: String, CaseIterable, Sendable {
    /// Nobody tells a higher revision of itself.
    case neverRefutes
    /// The gone and the seeds without a member are not pinged.
    case goneAreGivenUp
    /// A process starts with the incarnation it had before.
    case incarnationReused
}

/// Nodes on one virtual clock and a network that loses, delays, doubles, reorders and cuts. Everything is drawn from
/// the seed.
struct VirtualFlock {
    struct Node {
        let name: String
        var address: MemberAddress
        var incarnation: UInt64 = 0
        var core: MembershipCore?
        var isPaused = false
        var held: [(Message, MemberAddress)] = []
        /// Rows as last told, of this life.
        var told: [String: Member] = [:]
    }

    enum Step {
        case tick(node: Int, life: UInt64)
        case arrival(Message, from: MemberAddress, to: MemberAddress)
        case resume(node: Int)
        case heal(id: Int)
    }

    struct Cut {
        let id: Int
        let from: Set<Int>
        let to: Set<Int>
    }

    static let tick: Int64 = 100_000
    /// What the socket of a node that stands still keeps.
    static let heldMax = 200

    let mistake: PlantedMistake?
    var now = Moment(microseconds: 0)
    var nodes: [Node] = []
    var random: SeededGenerator
    var loss = 0.0
    var doubling = 0.0
    var delay: ClosedRange<Int> = 100...1_000
    var cuts: [Cut] = []
    var cutsCount = 0
    var failures: [String] = []
    var changesCount = 0
    var packetsCount = 0
    /// Of all that happened: the same seed gives the same.
    var digest: UInt64 = 0
    var agenda = Agenda<Step>()
    var indexes: [MemberAddress: Int] = [:]

    init(_ count: Int, seed: UInt64, mistake: PlantedMistake? = nil) {
        self.mistake = mistake
        random = SeededGenerator(seed: seed)
        for index in 0..<count {
            nodes.append(Node(name: "n\(index)", address: MemberAddress(host: "h\(index)", port: 1)))
            indexes[nodes[index].address] = index
        }
    }

    var running: [Int] { nodes.indices.filter { nodes[$0].core != nil } }
    var seeds: [MemberAddress] { nodes.prefix(2).map(\.address) }

    mutating func start(_ index: Int, atNewAddress: Bool = false) {
        if atNewAddress {
            nodes[index].address = MemberAddress(host: "h\(index)", port: nodes[index].address.port &+ 1)
            indexes[nodes[index].address] = index
        }
        if mistake != .incarnationReused || nodes[index].incarnation == 0 { nodes[index].incarnation += 1 }
        let id = MemberID(
            name: nodes[index].name, address: nodes[index].address, incarnation: nodes[index].incarnation)
        nodes[index].core = MembershipCore(id: id, flock: 7, seed: random.next())
        nodes[index].told = [:]
        nodes[index].held = []
        nodes[index].isPaused = false
        handle(.started(seeds: seeds), at: index)
        agenda.add(
            .tick(node: index, life: UInt64(agenda.addedCount)), at: now.advanced(byMicroseconds: draw(Self.tick)))
        ticking[index] = UInt64(agenda.addedCount - 1)
    }

    /// The tick chain of each node's life; older chains end.
    var ticking: [Int: UInt64] = [:]

    mutating func startAll() { for index in nodes.indices { start(index) } }

    mutating func crash(_ index: Int) { nodes[index].core = nil }

    mutating func cut(_ from: Set<Int>, _ to: Set<Int>, for time: Int64) {
        cutsCount += 1
        cuts.append(Cut(id: cutsCount, from: from, to: to))
        agenda.add(.heal(id: cutsCount), at: now.advanced(byMicroseconds: time))
    }

    mutating func pause(_ index: Int, for time: Int64) {
        nodes[index].isPaused = true
        agenda.add(.resume(node: index), at: now.advanced(byMicroseconds: time))
    }

    mutating func run(for time: Int64) { _ = run(for: time) { _ in false } }

    /// Runs until `isDone`, looked at every 20 ms; nil when the time is over before.
    mutating func run(for time: Int64, until isDone: (VirtualFlock) -> Bool) -> Int64? {
        let start = now
        let end = now.advanced(byMicroseconds: time)
        var look = now
        while let at = agenda.nextMoment, at <= end {
            if at > look {
                if isDone(self) { return look.microseconds - start.microseconds }
                look = at.advanced(byMicroseconds: 20_000)
            }
            guard let step = agenda.next() else { break }
            now = at
            perform(step)
        }
        now = end
        return nil
    }

    private mutating func perform(_ step: Step) {
        switch step {
        case .tick(let index, let life):
            guard nodes[index].core != nil, ticking[index] == life else { return }
            if !nodes[index].isPaused { handle(.tick, at: index) }
            agenda.add(step, at: now.advanced(byMicroseconds: Self.tick))
        case .arrival(let message, let from, let to):
            guard let index = indexes[to], nodes[index].address == to, nodes[index].core != nil else { return }
            if nodes[index].isPaused {
                if nodes[index].held.count < Self.heldMax { nodes[index].held.append((message, from)) }
            } else {
                handle(.received(message, from: from), at: index)
            }
        case .resume(let index):
            nodes[index].isPaused = false
            let held = nodes[index].held
            nodes[index].held = []
            for (message, from) in held { handle(.received(message, from: from), at: index) }
        case .heal(let id): cuts.removeAll { $0.id == id }
        }
    }

    mutating func handle(_ event: MembershipCore.Event, at index: Int) {
        guard let effects = nodes[index].core?.handle(event, now: now) else { return }
        digest = SeededGenerator.mixed(digest ^ UInt64(bitPattern: now.microseconds) ^ UInt64(index))
        digest = SeededGenerator.mixed(digest &+ (nodes[index].core?.digest ?? 0) &+ UInt64(effects.count))
        for effect in effects {
            switch effect {
            case .send(let message, let to): send(message, from: index, to: to)
            case .memberChanged(let member): check(member, at: index)
            case .superseded(let by):
                if by.name != nodes[index].name || by.incarnation < nodes[index].incarnation {
                    failures.append("\(now.microseconds): \(nodes[index].name) superseded by \(by)")
                }
                nodes[index].core = nil
            case .left: nodes[index].core = nil
            }
        }
    }

    /// A table only grows, and nobody invents a life or a revision.
    private mutating func check(_ member: Member, at index: Int) {
        changesCount += 1
        if let old = nodes[index].told[member.name], !member.supersedes(old) {
            failures.append("\(now.microseconds): \(nodes[index].name) went back from \(old) to \(member)")
        }
        nodes[index].told[member.name] = member
        guard let subject = nodes.first(where: { $0.name == member.name }) else {
            failures.append("an unknown name \(member)")
            return
        }
        let isInvented =
            member.id.incarnation > subject.incarnation
            || member.id == subject.core?.me.id && member.revision > (subject.core?.me.revision ?? 0)
        if isInvented { failures.append("\(now.microseconds): \(nodes[index].name) invented \(member)") }
    }

    mutating func draw(_ bound: Int64) -> Int64 { Int64(random.draw(below: Int(bound))) }

    private mutating func send(_ message: Message, from index: Int, to address: MemberAddress) {
        packetsCount += 1
        if message.rumors.count > 16 { failures.append("\(message.rumors.count) rumors in one message") }
        guard let message = spoiled(message, by: index, to: address) else { return }
        if let target = indexes[address], cuts.contains(where: { $0.from.contains(index) && $0.to.contains(target) }) {
            return
        }
        guard random.drawUnit() >= loss else { return }
        for _ in 0..<(random.drawUnit() < doubling ? 2 : 1) {
            let delay = Int64(delay.lowerBound + random.draw(below: delay.count))
            agenda.add(
                .arrival(message, from: nodes[index].address, to: address), at: now.advanced(byMicroseconds: delay))
        }
    }

    /// What the planted mistake makes of a message; nil is nothing.
    private func spoiled(_ message: Message, by index: Int, to address: MemberAddress) -> Message? {
        guard let mistake, let core = nodes[index].core else { return message }
        var rumors = message.rumors
        switch mistake {
        case .neverRefutes: rumors.removeAll { $0.member.name == message.sender.name && $0.member.revision > 0 }
        case .goneAreGivenUp:
            guard case .ping = message.body else { return message }
            let present = core.members.contains { $0.id.address == address && $0.status.isPresent }
            return present || core.presentCount == 1 && core.members.count == 1 ? message : nil
        case .incarnationReused: return message
        }
        return Message(
            flock: message.flock, sender: message.sender, digest: message.digest, body: message.body, rumors: rumors)
    }
}
