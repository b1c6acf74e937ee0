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
        // At the first look, and where slots came from others, they may be older than all that was learned.
        let isNews = deletionsKnown != nil
        let gifts = giftsCount
        let held = slots.indices.filter { slots[$0].series?.isEmpty == false }.map { Slot(UInt16($0)) }
        let limit = Self.warmTombstonesMax
        guard let tombstones = try? await store.tombstones(in: held, limit: limit) else { return }
        for tombstone in tombstones { forget(tombstone, isNews: isNews) }
        deletionsKnown = gifts == giftsCount ? count : nil
    }

    /// Who gave a slot may not have heard of all deletions: they are looked at once more.
    func noteGifts() {
        giftsCount &+= 1
        deletionsKnown = nil
    }

    /// - Parameter isNews: it was deleted just now.
    func forget(_ tombstone: Tombstone, isNews: Bool) {
        // Also if the slot has heard of it, with a gift: those are not looked at then.
        silences.forget(tombstone.device, noticedUntil: tombstone.time)
        let slot = Slot(of: tombstone.device)
        guard !slots[Int(slot.number)].knows(tombstone) else { return }
        let event = isNews ? SlotCore.Event.forget(tombstone.device, at: tombstone.time) : .bury(tombstone)
        for effect in handle(event, in: slot) { perform(effect) }
        silences.forget(tombstone.device, noticedUntil: clock.instant)
    }
}
