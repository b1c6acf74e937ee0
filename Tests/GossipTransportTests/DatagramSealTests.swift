import ClusterKeys
import Testing
import Wire

@testable import GossipTransport

struct DatagramSealTests {
    static let plain = [UInt8](1...40)

    @Test func whatIsSealedComesBackAndCostsNoMoreThanSaid() throws {
        var sender = Sender(try Keys.ring(1))
        var opener = DatagramOpener(try Keys.ring(1))
        for length in [1, 40, DatagramLimits.plainBytesMax] {
            let plain = [UInt8](repeating: 7, count: length)
            let sealed = try sender.seal(plain)
            #expect(sealed.count == length + DatagramLimits.sealBytesMax)
            #expect(sealed.count <= DatagramLimits.bytesMax)
            #expect(try opener.open(sealed) == plain)
        }
    }

    @Test func equalTextsLookDifferent() throws {
        var sender = Sender(try Keys.ring(1))
        let header = SealedForm.headerBytesCount
        let first = try sender.seal(Self.plain)
        let second = try sender.seal(Self.plain)
        #expect(first[header...] != second[header...])
        var other = Sender(try Keys.ring(1), seed: 2)
        #expect(try other.seal(Self.plain)[header...] != first[header...])
    }

    @Test func aChangedByteAnywhereIsRefused() throws {
        var sender = Sender(try Keys.ring(1))
        var opener = DatagramOpener(try Keys.ring(1))
        _ = try opener.open(try sender.seal(Self.plain))
        let sealed = try sender.seal(Self.plain)
        for place in sealed.indices {
            for bit in 0..<8 {
                var bad = sealed
                bad[place] ^= 1 << UInt8(bit)
                #expect(throws: DatagramRefusal.self) { try opener.open(bad) }
            }
        }
        for count in sealed.indices {
            #expect(throws: DatagramRefusal.self) { try opener.open(Array(sealed[..<count])) }
        }
        // None of it counts as heard.
        #expect(try opener.open(sealed) == Self.plain)
        #expect(opener.sessionsCount == 1)
    }

    @Test func eachIsOpenedOnceInAnyOrder() throws {
        var sender = Sender(try Keys.ring(1))
        var opener = DatagramOpener(try Keys.ring(1))
        let sealed = try (0..<200).map { _ in try sender.seal(Self.plain) }
        for place in sealed.indices { #expect(try opener.open(sealed[place * 77 % 200]) == Self.plain) }
        for datagram in sealed { #expect(throws: DatagramRefusal.replay) { try opener.open(datagram) } }
    }

    @Test func whatIsTooOldToTellIsRefused() throws {
        var sender = Sender(try Keys.ring(1))
        var opener = DatagramOpener(try Keys.ring(1))
        let sealed = try (0...ReplayWindow.span).map { _ in try sender.seal(Self.plain) }
        _ = try opener.open(try #require(sealed.last))
        #expect(throws: DatagramRefusal.replay) { try opener.open(sealed[0]) }
        #expect(try opener.open(sealed[1]) == Self.plain)
    }

    /// Add behind, put first, drop: at each step every node opens what every other seals.
    @Test func keysAreReplacedWhileNodesRun() throws {
        let steps = try [Keys.ring(1), Keys.ring(1, 2), Keys.ring(2, 1), Keys.ring(2)]
        for step in 1..<steps.count {
            for (from, to) in [(step - 1, step), (step, step - 1), (step, step)] {
                var sender = Sender(steps[from])
                var opener = DatagramOpener(steps[to])
                #expect(try opener.open(try sender.seal(Self.plain)) == Self.plain)
            }
        }
        var sender = Sender(steps[0])
        var opener = DatagramOpener(steps[3])
        #expect(throws: DatagramRefusal.wrongKey) { try opener.open(try sender.seal(Self.plain)) }
    }

    @Test func whatIsNotSealedIsNamed() throws {
        var opener = DatagramOpener(try Keys.ring(1))
        #expect(throws: DatagramRefusal.clear) { try opener.open([Datagrams.version] + Self.plain) }
        #expect(throws: DatagramRefusal.otherVersion) { try opener.open([SealedForm.kind + 1] + Self.plain) }
        #expect(throws: DatagramRefusal.malformed) { try opener.open([]) }
        #expect(throws: DatagramRefusal.malformed) { try opener.open([SealedForm.kind]) }
        #expect(throws: DatagramRefusal.wrongKey) { try opener.open([SealedForm.kind] + Self.plain) }
        #expect(Datagrams.version & SealedForm.sealedBit == 0)
    }

    @Test func atTheLastCounterASessionBeginsAnew() throws {
        var sender = Sender(try Keys.ring(1), firstCounter: SealedForm.counterMax)
        var opener = DatagramOpener(try Keys.ring(1))
        let last = try sender.seal(Self.plain)
        let first = try sender.seal(Self.plain)
        let session = 1...SealedForm.sessionBytesCount
        #expect(last[session] != first[session])
        #expect(last[(session.upperBound + 1)..<SealedForm.headerBytesCount].allSatisfy { $0 == 0xFF })
        #expect(try opener.open(last) == Self.plain)
        #expect(try opener.open(first) == Self.plain)
        #expect(opener.sessionsCount == 2)
    }

    @Test func theSenderNotHeardForLongestIsForgotten() throws {
        let ring = try Keys.ring(1)
        var opener = DatagramOpener(ring, sessionsMax: 2)
        var senders = (1...3).map { Sender(ring, seed: $0) }
        let first = try senders[0].seal(Self.plain)
        _ = try opener.open(first)
        _ = try opener.open(try senders[1].seal(Self.plain))
        _ = try opener.open(try senders[0].seal(Self.plain))
        _ = try opener.open(try senders[2].seal(Self.plain))
        #expect(opener.sessionsCount == 2)
        // The first was heard after the second: it is still known.
        #expect(throws: DatagramRefusal.replay) { try opener.open(first) }
    }
}

struct ReplayWindowTests {
    /// A set of all that was taken, beside the window.
    @Test(arguments: 0..<50)
    func everyCounterIsTakenOnceAndNoneLosesItsPlaceTooEarly(seed: UInt64) {
        var random = SeedOnly(seed)
        var next = random.draw(5_000)
        var window = ReplayWindow(first: next)
        var taken: Set<UInt64> = [next]
        for _ in 0..<2_000 {
            next += random.draw(8) == 0 ? random.draw(2_000) : random.draw(3)
            let counter = next - min(next, random.draw(4) == 0 ? random.draw(1_500) : random.draw(100))
            let isYoung = counter > window.highest || window.highest - counter < ReplayWindow.span
            #expect(window.take(counter) == (isYoung && !taken.contains(counter)))
            taken.insert(counter)
        }
    }
}

/// A few small draws.
struct SeedOnly {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

    mutating func draw(_ bound: UInt64) -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return (state >> 33) % bound
    }
}
