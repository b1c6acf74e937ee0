import DataPlane
import HashRing
import Ports
import Telemetry

/// Deletions that nobody told this owner of: who did one may have died before it could, or have found this node away.
extension Scoring {
    /// Between two looks at the tombstones, in microseconds: each reads those of all slots that are held here.
    static let deletionsPause: Int64 = 10_000_000

    /// Looks whether devices were deleted since it last looked, and forgets them.
    func learnDeletions() async {
        guard clock.moment >= deletionsDueAt, let count = try? await store.deletions(), count != deletionsKnown else {
            return
        }
        deletionsDueAt = clock.moment.advanced(byMicroseconds: Self.deletionsPause)
        let held = slots.indices.filter { slots[$0].series?.isEmpty == false }.map { Slot(UInt16($0)) }
        let limit = Self.warmTombstonesMax
        guard let tombstones = try? await store.tombstones(in: held, limit: limit) else { return }
        for tombstone in tombstones { forget(tombstone) }
        deletionsKnown = count
    }

    func forget(_ tombstone: Tombstone) {
        let slot = Slot(of: tombstone.device)
        guard !slots[Int(slot.number)].knows(tombstone) else { return }
        for effect in handle(.forget(tombstone.device, at: tombstone.time), in: slot) { perform(effect) }
        silences.forget(tombstone.device)
    }
}
