import ControlPlane
import HashRing
import Membership
import Simulation
import Testing

/// Who finds whom: islands, other flocks, processes that took a name or an address.
@Suite struct FlockMeetingTests {
    @Test func twoFlocksThatGetEachOthersAddressesStayApartAndLearnWhy() {
        var flock = VirtualFlock(6, seed: 1)
        for index in 0..<3 { flock.join(index, seeds: [0, 3]) }
        for index in 3..<6 { flock.join(index, seeds: [3, 0], flock: 8) }
        flock.startAll()
        flock.run(for: 20_000_000)
        for index in 0..<6 {
            let names = flock.nodes[index].plane?.membership.members.map(\.name).sorted()
            #expect(names == (index < 3 ? ["n0", "n1", "n2"] : ["n3", "n4", "n5"]))
            #expect(flock.nodes[index].strangers == [index < 3 ? 8 : VirtualFlock.flockID])
        }
    }

    @Test func islandsThatNeverMetFindEachOther() throws {
        var flock = VirtualFlock(8, seed: 2)
        // The second island's seed is known to one node of the first, which could not reach it at the start.
        for index in 0..<4 { flock.join(index, seeds: index == 2 ? [0, 4] : [0]) }
        for index in 4..<8 { flock.join(index, seeds: [4]) }
        flock.cutBothWays(0..<4, 4..<8, for: 10_000_000)
        flock.startAll()
        flock.run(for: 10_000_000)
        #expect(flock.nodes[0].plane?.membership.presentCount == 4)
        #expect(try #require(flock.run(for: 60_000_000) { $0.isSettled }) <= 20_000_000)
    }

    /// The seeds' names may be gone by then: the dead are pinged where they were.
    @Test func aPartitionHealsWithoutSeeds() throws {
        var flock = VirtualFlock(6, seed: 2)
        flock.startAll()
        flock.run(for: 5_000_000)
        for index in 0..<6 {
            flock.join(index, seeds: [])
            flock.handle(.seedsResolved([]), at: index)
        }
        flock.cutBothWays(0..<3, 3..<6, for: 20_000_000)
        flock.run(for: 20_000_000)
        #expect(!flock.isAgreed)
        #expect(try #require(flock.run(for: 60_000_000) { $0.isSettled }) <= 5_000_000)
    }

    @Test func aNodeThatMovedIsTakenOver() throws {
        var flock = VirtualFlock(5, seed: 3)
        flock.startAll()
        flock.run(for: 5_000_000)
        flock.crash(3)
        flock.move(3)
        flock.start(3)
        #expect(try #require(flock.run(for: 10_000_000) { $0.isSettled }) <= 1_000_000)
        let id = flock.nodes[3].plane?.membership.me.id
        #expect(flock.nodes[0].plane?.membership.member("n3")?.id == id)
    }

    @Test func aRestartThatIsFasterThanDetectionIsNoticed() throws {
        var flock = VirtualFlock(5, seed: 3)
        flock.startAll()
        flock.run(for: 5_000_000)
        flock.crash(3)
        flock.start(3)
        #expect(try #require(flock.run(for: 10_000_000) { $0.isSettled }) <= 1_000_000)
        flock.run(for: 200_000)
        let owners = flock.running.map { flock.nodes[$0].plane?.owners }
        #expect(owners.allSatisfy { $0 == owners[0] })
        #expect(owners[0]?.first { $0.name == "n3" }?.incarnation == 2)
    }

    @Test func ofTwoProcessesOfOneNameAndIncarnationAllKeepTheSame() throws {
        var flock = VirtualFlock(4, seed: 4)
        flock.startAll()
        flock.run(for: 5_000_000)
        flock.double(1)
        #expect(flock.running.count == 5)
        #expect(try #require(flock.run(for: 10_000_000) { $0.isSettled }) <= 5_000_000)
        #expect(flock.running.count == 4)
    }

    @Test func aNodeNeverTalksToItsOwnAddress() throws {
        var flock = VirtualFlock(4, seed: 5, isChecked: true)
        flock.startAll()
        flock.run(for: 5_000_000)
        flock.takeAddress(1, of: 2)
        #expect(try #require(flock.run(for: 20_000_000) { $0.isSettled }) <= 10_000_000)
        #expect(flock.failures.isEmpty, "\(flock.failures)")
    }
}
