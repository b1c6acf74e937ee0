import NodeHarness
import ServerHarness
import Testing

@testable import RedisLease

/// A name that has several addresses.
@Suite struct DialTests {
    private static func place(_ port: UInt16) throws -> ServerPlace {
        guard case .places(let places)? = NameLookup(of: "127.0.0.1", port: port).wait(until: .now + .seconds(60))
        else { throw HarnessError("127.0.0.1 has no address") }
        return try #require(places.first)
    }

    @Test func anAddressThatRefusesIsFollowedByTheNext() throws {
        let server = try SilentServer()
        let places = [try Self.place(try LoopbackPort.free()), try Self.place(server.port)]
        let line = try Dial.connect(places, until: .now + .seconds(60))
        #expect(line.number >= 0)
        #expect(throws: DialError.self) { _ = try Dial.connect([places[0]], until: .now + .seconds(60)) }
    }

    @Test func anAddressThatIsSilentHasItsShareOfTheTime() throws {
        let (full, server) = (try SilentServer(roomForClients: 0), try SilentServer())
        let places = [try Self.place(full.port), try Self.place(server.port)]
        let guests = try Self.fill(places[0])
        let started = ContinuousClock.now
        let line = try Dial.connect(places, until: started + .seconds(2))
        #expect(line.number >= 0)
        #expect(ContinuousClock.now - started >= .seconds(1), "the first had its half")
        guests.forEach { $0.close() }
    }

    /// Comes in until nobody can.
    private static func fill(_ place: ServerPlace) throws -> [Guest] {
        var guests: [Guest] = []
        while guests.count < 16 {
            do throws(DialError) {
                guests.append(Guest(try Dial.connect([place], until: .now + .milliseconds(300))))
            } catch {
                #expect(error.description == "no connection in time")
                return guests
            }
        }
        throw HarnessError("the kernel takes any number of clients")
    }
}

/// A connection in a list, which cannot hold what cannot be copied.
private final class Guest {
    private var line: Descriptor?

    init(_ line: consuming Descriptor) { self.line = consume line }

    func close() { line = nil }
}
