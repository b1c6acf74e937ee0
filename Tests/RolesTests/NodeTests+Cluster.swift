import Ports
import Roles
import Testing

extension NodeTests {
    @Test func aNodeByItselfOwnsEverySlot() async throws {
        try await withNode(store: MemoryStore()) { node in
            let ring = await node.cluster().ring
            #expect(ring.members == ["n0"])
            #expect(ring.owners == Array(repeating: 0, count: ring.slots))
            #expect(ring.slots == 4_096)
        }
    }
}
