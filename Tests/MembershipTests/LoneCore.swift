import Membership
import Telemetry

/// One core, a clock, and the others as the test plays them: member `x` is at the host `x`.
struct LoneCore {
    var core: MembershipCore
    var now = Moment(microseconds: 0)
    private(set) var sent: [(message: Message, to: MemberAddress)] = []
    private(set) var told: [Member] = []
    private(set) var others: [MembershipCore.Effect] = []

    init(knowing names: String..., seeds: [MemberAddress] = [], limits: MembershipLimits = MembershipLimits()) {
        core = MembershipCore(id: Self.id("a"), flock: 7, seed: 3, limits: limits)
        handle(.started(seeds: seeds))
        for name in names { hear(from: name, rows: [Member(id: Self.id(name), revision: 0, status: .alive)]) }
        clear()
    }

    static func id(_ name: String, incarnation: UInt64 = 5) -> MemberID {
        MemberID(name: name, address: MemberAddress(host: name, port: 1), incarnation: incarnation)
    }

    mutating func handle(_ event: MembershipCore.Event) {
        for effect in core.handle(event, now: now) {
            switch effect {
            case .send(let message, let to): sent.append((message, to))
            case .memberChanged(let member): told.append(member)
            case .superseded, .left: others.append(effect)
            }
        }
    }

    mutating func hear(
        from name: String, _ body: Message.Body = .gossip, rows: [Member] = [], accuser: String? = nil,
        digest: UInt64? = nil
    ) {
        let message = Message(
            flock: 7, sender: Self.id(name), digest: digest ?? core.digest, body: body,
            rumors: rows.map { Rumor($0, accuser: accuser ?? ($0.status == .suspect ? name : nil)) })
        handle(.received(message, from: Self.id(name).address))
    }

    /// Ticks ten times a second; pings to those in `answering` are answered at once.
    mutating func run(_ seconds: Double, answering: Set<String> = []) {
        for _ in 0..<Int(seconds * 10) {
            now = now.advanced(byMicroseconds: 100_000)
            let before = sent.count
            handle(.tick)
            for (message, to) in sent[before...] where answering.contains(to.host) {
                if case .ping(let number, _) = message.body { hear(from: to.host, .ack(number)) }
            }
        }
    }

    mutating func clear() {
        sent = []
        told = []
        others = []
    }

    func pings(to name: String) -> [UInt64] {
        sent.compactMap { message, to in
            if case .ping(let number, _) = message.body, to.host == name { number } else { nil }
        }
    }

    func row(_ name: String, _ status: MemberStatus, revision: UInt64 = 0, incarnation: UInt64 = 5) -> Member {
        Member(id: Self.id(name, incarnation: incarnation), revision: revision, status: status)
    }

    func status(_ name: String) -> MemberStatus? { core.member(name)?.status }

    /// Seconds until `name` is dead, within a minute.
    mutating func secondsToDeath(of name: String, answering: Set<String>) -> Double? {
        for step in 1...600 {
            run(0.1, answering: answering)
            if status(name) == .dead { return Double(step) / 10 }
        }
        return nil
    }
}
