import Membership
import Telemetry
import Testing

/// One core and what it is told of another member.
struct TransitionTests {
    static let address = MemberAddress(host: "b", port: 1)
    static let start = Moment(microseconds: 0)

    static func core() -> MembershipCore {
        let id = MemberID(name: "a", address: MemberAddress(host: "a", port: 1), incarnation: 5)
        var core = MembershipCore(id: id, flock: 7, seed: 1)
        _ = core.handle(.started(seeds: []), now: start)
        return core
    }

    static func row(_ status: MemberStatus, revision: UInt64, incarnation: UInt64 = 5, name: String = "b") -> Member {
        let id = MemberID(name: name, address: MemberAddress(host: name, port: 1), incarnation: incarnation)
        return Member(id: id, revision: revision, status: status)
    }

    static func tell(
        _ core: inout MembershipCore, _ rows: Member..., flock: UInt64 = 7, body: Message.Body = .gossip
    ) -> [MembershipCore.Effect] {
        let sender = MemberID(name: "c", address: MemberAddress(host: "c", port: 1), incarnation: 1)
        let message = Message(
            flock: flock, sender: sender, digest: 0, body: body, rumors: rows.map { Rumor($0, accuser: "c") })
        return core.handle(.received(message, from: sender.address), now: start)
    }

    struct Case: Sendable {
        let held: Member?
        let told: Member
        let becomes: Member?
        init(_ held: Member?, _ told: Member, _ becomes: Member?) {
            self.held = held
            self.told = told
            self.becomes = becomes
        }
    }

    static let cases: [Case] = [
        // Unknown: the present are taken in, the gone are not.
        Case(nil, row(.alive, revision: 1), row(.alive, revision: 1)),
        Case(nil, row(.suspect, revision: 1), row(.suspect, revision: 1)),
        Case(nil, row(.dead, revision: 1), nil),
        Case(nil, row(.left, revision: 1), nil),
        // Old news change nothing.
        Case(row(.alive, revision: 2), row(.suspect, revision: 1), row(.alive, revision: 2)),
        Case(row(.alive, revision: 2), row(.dead, revision: 1), row(.alive, revision: 2)),
        Case(row(.suspect, revision: 2), row(.alive, revision: 2), row(.suspect, revision: 2)),
        Case(row(.alive, revision: 2), row(.dead, revision: 9, incarnation: 4), row(.alive, revision: 2)),
        // Accusations of the revision that is held, and refutations of a later one.
        Case(row(.alive, revision: 2), row(.suspect, revision: 2), row(.suspect, revision: 2)),
        Case(row(.suspect, revision: 2), row(.dead, revision: 2), row(.dead, revision: 2)),
        Case(row(.suspect, revision: 2), row(.alive, revision: 3), row(.alive, revision: 3)),
        // Left is final for this life; the next one starts anew.
        Case(row(.alive, revision: 2), row(.left, revision: 1), row(.left, revision: 1)),
        Case(
            row(.alive, revision: 2), row(.alive, revision: 0, incarnation: 6),
            row(.alive, revision: 0, incarnation: 6)),
    ]

    @Test(arguments: cases) func aRowIsReplacedByWhatSupersedesIt(_ one: Case) {
        var core = Self.core()
        if let held = one.held { _ = Self.tell(&core, held) }
        let effects = Self.tell(&core, one.told)
        #expect(core.member("b") == one.becomes)
        #expect(effects.contains { $0 == .memberChanged(one.told) } == (one.held != one.becomes && one.becomes != nil))
        let again = Self.tell(&core, one.told)
        #expect(!again.contains { if case .memberChanged = $0 { true } else { false } }, "told twice")
    }

    @Test(arguments: [MemberStatus.suspect, .dead]) func anAccusationOfMyselfIsRefuted(_ status: MemberStatus) {
        var core = Self.core()
        _ = Self.tell(&core, Self.row(status, revision: 4, name: "a"))
        #expect(core.me.revision == 5)
        #expect(core.me.status == .alive)
        #expect(core.health == 1)
        _ = Self.tell(&core, Self.row(status, revision: 4, name: "a"))
        #expect(core.me.revision == 5)
    }

    @Test func aLaterLifeOfMyNameSilencesMe() {
        var core = Self.core()
        let later = Self.row(.alive, revision: 0, incarnation: 6, name: "a")
        #expect(Self.tell(&core, later) == [.superseded(by: later.id)])
        #expect(core.handle(.tick, now: Self.start).isEmpty)
    }

    @Test func theDeadOfATableAreSuspectedFirst() {
        var core = Self.core()
        _ = Self.tell(&core, Self.row(.alive, revision: 1))
        _ = Self.tell(&core, Self.row(.dead, revision: 1), body: .table)
        #expect(core.member("b")?.status == .suspect)
    }

    @Test func otherFlocksAndGarbageAreCountedAndDropped() {
        var core = Self.core()
        #expect(Self.tell(&core, Self.row(.alive, revision: 1), flock: 8).isEmpty)
        #expect(Self.tell(&core, Self.row(.alive, revision: .max), body: .pull([], isAnswer: false)).isEmpty)
        #expect(core.member("b") == nil)
        #expect(core.counts.ofOtherFlocks == 1)
        #expect(core.counts.malformed == 1)
    }

    @Test func aSuspectIsToldInThePingThatReachesIt() {
        var core = Self.core()
        _ = Self.tell(&core, Self.row(.alive, revision: 1))
        let effects = Self.tell(&core, Self.row(.suspect, revision: 1))
        let pings = effects.compactMap { effect -> Message? in
            guard case .send(let message, Self.address) = effect, case .ping = message.body else { return nil }
            return message
        }
        #expect(pings.first?.rumors.first?.member == Self.row(.suspect, revision: 1))
    }
}

/// What a node of another flock hears.
struct StrangerTests {
    private static func ping(_ number: UInt64, target: MemberID? = nil) -> Message {
        let id = MemberID(name: "stranger", address: MemberAddress(host: "s", port: 1), incarnation: 1)
        let row = Member(id: id, revision: 0, status: .alive)
        return Message(flock: 8, sender: id, digest: 0, body: .ping(number, target: target), rumors: [Rumor(row)])
    }

    private static func answers(_ core: inout MembershipCore, _ message: Message, at time: Int64 = 0) -> [Message] {
        let event = MembershipCore.Event.received(message, from: message.sender.address)
        return core.handle(event, now: Moment(microseconds: time)).compactMap {
            if case .send(let message, _) = $0 { message } else { nil }
        }
    }

    @Test func aSeedPingIsAnsweredWithTheOtherFlockAndNothingElse() throws {
        var core = TransitionTests.core()
        _ = core.handle(.tick, now: TransitionTests.start)
        let answer = try #require(Self.answers(&core, Self.ping(3)).first { $0.body == .nack(3) })
        #expect(answer.flock == 7)
        #expect(answer.rumors.isEmpty)
    }

    @Test func nothingElseIsAnsweredSoTwoFlocksCannotKeepEachOtherBusy() {
        var core = TransitionTests.core()
        let stranger = MemberID(name: "stranger", address: MemberAddress(host: "s", port: 1), incarnation: 1)
        for body in [.nack(3), .ack(3), .gossip, .ping(3, target: core.me.id)] as [Message.Body] {
            let message = Message(flock: 8, sender: stranger, digest: 0, body: body, rumors: [])
            #expect(Self.answers(&core, message).isEmpty)
        }
    }

    @Test func aFloodIsAnsweredNowAndThen() {
        var core = TransitionTests.core()
        var count = 0
        for number in 0..<1_000 {
            count += Self.answers(&core, Self.ping(UInt64(number)), at: Int64(number) * 1_000).count {
                $0.body == .nack(UInt64(number))
            }
        }
        #expect(count == core.limits.strangerAnswersMax)
    }
}
