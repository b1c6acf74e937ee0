import Telemetry
import Testing

struct IdentityTests {
    @Test func anIdentityIsReadBackAsItWasWritten() {
        var generator = SeededGenerator(seed: 1)
        for id in [LogID(high: 0, low: 0), LogID(high: .max, low: .max), LogID(high: 1, low: 2)]
            + (0..<100).map({ _ in LogID(using: &generator) })
        {
            #expect(id.description.utf8.count == 32)
            #expect(LogID(id.description) == id)
            #expect(LogID(id.description.uppercased()) == id)
        }
    }

    @Test(arguments: [
        "", "0", String(repeating: "0", count: 31), String(repeating: "0", count: 33),
        String(repeating: "g", count: 32),
        "+" + String(repeating: "0", count: 31),
        String(repeating: "0", count: 16) + "-" + String(repeating: "0", count: 15),
        String(repeating: "é", count: 16), "00000000-0000-0000-0000-000000000000",
    ])
    func anythingElseIsNoIdentity(text: String) {
        #expect(LogID(text) == nil)
        #expect(FlockID(text) == nil)
    }

    @Test func identitiesSortAsTheirText() {
        var generator = SeededGenerator(seed: 2)
        let ids = (0..<200).map { _ in FlockID(using: &generator) }
        #expect(ids.sorted().map(\.description) == ids.map(\.description).sorted())
    }

    @Test func positionsCountReadings() {
        #expect(LogPosition.start + 5 == LogPosition(5))
        #expect(LogPosition(7) - LogPosition(5) == 2)
        #expect(LogPosition(5) - LogPosition(7) == 0)
        #expect(LogPosition(5) < LogPosition(7))
    }
}
