import Ports
import Roles
import Synchronization
import Testing

extension NodeTests {
    @Test func aReadingThatWaitsForTheStoreGetsOlderUntilItIsStored() async throws {
        let store = MemoryStore()
        try await withNode(store: store) { node in
            #expect(await node.vitals().pendingFor == 0)
            try await node.accept(Self.batch(1, count: 10))
            try await until { await node.cluster().ledger.pending == 0 }
            #expect(await node.vitals().pendingFor == 0)
            store.content.withLock { $0.isAway = true }
            try await node.accept(Self.batch(2, count: 10))
            try await until { await node.vitals().pendingFor > 100_000 }
            let vitals = await node.vitals()
            #expect(vitals.logBytes > 0 && vitals.logBytes <= vitals.logLimitBytes)
            #expect(vitals.refusedDatagrams.isEmpty, "a node of its own has no gossip")
            store.content.withLock { $0.isAway = false }
            try await until { await node.vitals().pendingFor == 0 }
        }
    }

    /// How old what it holds is, nobody wrote down: as old as this start at the least.
    @Test func whatALogHeldFromBeforeIsAsOldAsTheStart() async throws {
        let store = MemoryStore()
        let folder = try TemporaryFolder()
        store.content.withLock { $0.isAway = true }
        try await withNode(store: store, folder: folder) { node in try await node.accept(Self.batch(1, count: 10)) }
        try await withNode(store: store, folder: folder) { node in
            try await until { await node.vitals().pendingFor > 100_000 }
            store.content.withLock { $0.isAway = false }
            try await until { await node.vitals().pendingFor == 0 }
        }
    }

    @Test func aNodeByItselfOwnsEverySlot() async throws {
        try await withNode(store: MemoryStore()) { node in
            let ring = await node.cluster().ring
            #expect(ring.members == ["n0"])
            #expect(ring.owners == Array(repeating: 0, count: ring.slots))
            #expect(ring.slots == 4_096)
        }
    }
}
