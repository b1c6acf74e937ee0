import HashRing
import Telemetry
import Testing

struct RingTests {
    @Test(arguments: [1, 2, 3, 5, 16, 64, 200])
    func everySlotHasAnOwnerAndNoneHasTooMany(count: Int) {
        let ring = Ring(members(count))
        let cap = (Double(Slot.count) / Double(count) * Ring.loadFactor).rounded(.up)
        var total = 0
        for owner in ring.owners {
            let slots = ring.slots(of: owner).count
            #expect(Double(slots) <= cap)
            total += slots
        }
        #expect(total == Slot.count)
    }

    @Test(arguments: [1, 3, 8, 32])
    func aJoinMovesLittleMoreThanTheNewMembersShare(count: Int) {
        let before = Ring(members(count))
        let after = Ring(members(count + 1))
        let moved = (0..<UInt16(Slot.count)).map(Slot.init).count { before.owner(of: $0) != after.owner(of: $0) }
        #expect(Double(moved) <= 1.35 * Double(Slot.count) / Double(count + 1))
    }

    @Test(arguments: [0, 1, 3, 64])
    func theTableIsTheOwnerOfEverySlot(count: Int) {
        let ring = Ring(members(count))
        #expect(ring.table.count == (count == 0 ? 0 : Slot.count))
        for (slot, place) in ring.table.enumerated() {
            #expect(ring.owners[Int(place)] == ring.owner(of: Slot(UInt16(slot))))
        }
    }

    @Test func theOrderOfMembersDoesNotMatter() {
        let members = members(7)
        #expect(Ring(members) == Ring(members.reversed()))
        #expect(Ring(members).digest == Ring(members.reversed()).digest)
    }

    @Test func theDigestSeesAnotherIncarnation() {
        let first = Ring([Owner(name: "n0", incarnation: 1)])
        let second = Ring([Owner(name: "n0", incarnation: 2)])
        #expect(first.digest != second.digest)
        #expect(Ring([]).owner(of: Slot(0)) == nil)
    }

    /// Frozen: the store keeps slots in a column, and two versions of the program must agree.
    @Test(arguments: [("device-01", 1779), ("device-02", 2849), ("é", 563)])
    func theSlotOfADeviceNeverChanges(name: String, slot: UInt16) throws {
        #expect(Slot(of: try #require(DeviceID(name))) == Slot(slot))
    }

    @Test func aHundredThousandShortNamesFillEverySlotEvenly() throws {
        var loads = [Int](repeating: 0, count: Slot.count)
        for number in 0..<100_000 {
            loads[Int(Slot(of: DeviceID(unchecked: "device-\(number)")).number)] += 1
        }
        // Poisson with mean 24.4: beyond 60 or below 4 is a broken hash, not bad luck.
        #expect((loads.max() ?? 0) < 60)
        #expect((loads.min() ?? 0) > 3)
    }

    private func members(_ count: Int) -> [Owner] {
        (0..<count).map { Owner(name: "n\($0)", incarnation: 1) }
    }
}
