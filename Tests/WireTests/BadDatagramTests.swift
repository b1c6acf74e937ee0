import LogFormat
import Membership
import Telemetry
import Testing
import Wire

/// What strangers send is refused with a reason, and never traps.
struct BadDatagramTests {
    @Test func anotherVersionSaysSo() throws {
        var datagram = try #require(Datagrams.encode([DatagramTests.message(.ack(1))]).first)
        datagram[0] = Datagrams.version + 1
        let error = #expect(throws: FormatError.self) { try Datagrams.decode(datagram) }
        #expect(error?.description.contains("version \(Datagrams.version + 1)") == true)
        #expect(throws: FormatError.self) { try Datagrams.decode([]) }
    }

    @Test(arguments: 0..<20)
    func everyBeginningIsRefused(seed: UInt64) throws {
        var samples = Samples(seed: seed)
        let message = samples.message(from: samples.id())
        let datagram = try #require(Datagrams.encode([message], bytesMax: 64_000).first)
        for count in 0..<datagram.count {
            #expect(throws: FormatError.self) { try Datagrams.decode(Array(datagram[..<count])) }
        }
        #expect(throws: FormatError.self) { try Datagrams.decode(datagram + [0xFF]) }
    }

    /// Position of the byte that is spoiled, counted in an ack of `n0` at `10.1.2.3`, and what the refusal names.
    @Test(arguments: [
        (9, UInt8(0), "empty"), (9, 65, "name of a member"), (10, 0xC0, "UTF-8"), (20, 9, "form 9"),
        (20, 3, "sender"), (35, 77, "kind 77"), (37, 17, "rumors"),
    ])
    func eachFieldIsLookedAt(offset: Int, byte: UInt8, named: String) throws {
        let ack = DatagramTests.message(.ack(1), from: DatagramTests.member("n0"))
        var datagram = try #require(Datagrams.encode([ack]).first)
        datagram[offset] = byte
        let error = #expect(throws: FormatError.self) { try Datagrams.decode(datagram) }
        #expect(error?.description.contains(named) == true, "\(String(describing: error))")
    }

    @Test func noMoreMessagesThanAllowed() throws {
        let ack = try #require(Datagrams.encode([DatagramTests.message(.gossip)]).first)
        let more: [UInt8] = [5, 0]
        var datagram = ack
        for _ in 1..<DatagramLimits.messagesMax { datagram += more }
        #expect(try Datagrams.decode(datagram).count == DatagramLimits.messagesMax)
        #expect(throws: FormatError.self) { try Datagrams.decode(datagram + more) }
    }

    /// A million inputs: noise, noise behind a good beginning, and good datagrams with a few bytes changed, cut or
    /// doubled. Whatever is accepted can be written again and reads the same.
    @Test func aMillionBadDatagramsTrapNothing() throws {
        var samples = Samples(seed: 1)
        // Short ones: of the changes to a long text most change nothing else.
        let good = (0..<5_000).map { _ in Datagrams.encode(samples.messages(), bytesMax: 64_000).first ?? [] }
            .filter { $0.count < 100 }
        #expect(good.count > 200)
        var accepted = 0
        var refused = 0
        for round in 0..<1_000_000 {
            let input = Self.input(round, good, &samples.random)
            guard let messages = try? Datagrams.decode(input) else {
                refused += 1
                continue
            }
            accepted += 1
            guard round % 64 == 0 else { continue }
            let again = Datagrams.encode(messages, bytesMax: 64_000)
            #expect(try again.flatMap { try Datagrams.decode($0) } == messages)
        }
        #expect(accepted > 10_000)
        #expect(refused > 500_000)
    }

    private static func input(_ round: Int, _ good: [[UInt8]], _ random: inout SeededGenerator) -> [UInt8] {
        let word = random.next()
        if round % 4 == 0 {
            var noise: [UInt8] = [word % 2 == 0 ? Datagrams.version : UInt8(truncatingIfNeeded: word >> 8)]
            for _ in 0..<(word >> 16) % 4 {
                withUnsafeBytes(of: random.next()) { noise.append(contentsOf: $0) }
            }
            return noise
        }
        var input = good[round % good.count]
        for shift in 0...(word % 3) {
            let bits = random.next()
            let place = Int(bits >> 32) % input.count
            switch (bits >> shift) % 8 {
            case 0: input.removeSubrange(place...)
            case 1: input.insert(UInt8(truncatingIfNeeded: bits), at: place)
            case 2: input[place] = 0xFF
            case 3: input[place] = 0
            default: input[place] ^= 1 << UInt8(bits % 8)
            }
            if input.isEmpty { break }
        }
        return input
    }
}
