import Foundation
import NodeHarness
import Testing

extension NodeTests {
    /// Who belongs together finds each other, and who does not stays apart.
    @Suite(.timeLimit(.minutes(5))) struct IslandTests {
        @Test func twoIslandsOfOneFlockThatNeverMetFindEachOther() throws {
            let folder = try TemporaryFolder()
            let flock = try FlockProcess(4, folder: folder)
            // The first two know nothing of the others, the others know one of them, which is not there yet.
            try flock.begin(0, knowing: [])
            try flock.begin(2, knowing: [3, 1])
            try flock.begin(3, knowing: [2, 1])
            for index in [0, 2, 3] {
                let node = try #require(flock.nodes[index])
                guard try node.waitUntilReady() else { throw node.failure }
            }
            try flock.wait("two islands") { views in views.map(\.alive.count).sorted() == [1, 2, 2] }
            try flock.begin(1, knowing: [0])
            try flock.waitUntilAllSee(alive: 4, within: .seconds(60))
        }

        @Test func twoFlocksThatGetEachOthersAddressesStayApart() throws {
            let folder = try TemporaryFolder()
            let flock = try FlockProcess(4, folder: folder)
            for index in 2..<4 { flock.useStore(folder.file("other.db"), at: index) }
            try flock.startAll(seeing: 2)
            for node in flock.running {
                let names = try FlockProcess.view(of: node).members.map(\.name)
                #expect(names == (["n0", "n1"].contains(node.place.name) ? ["n0", "n1"] : ["n2", "n3"]))
                #expect(node.log.contains("belongs to another flock"), "\(node.place.name) says why")
            }
        }

        @Test func aNodeWithAnotherStoreIsToldWhyItCannotJoin() throws {
            let folder = try TemporaryFolder()
            let flock = try FlockProcess(2, folder: folder)
            flock.useStore(folder.file("other.db"), at: 1)
            try flock.begin(0, knowing: [])
            try flock.start([1])
            let node = try #require(flock.nodes[1])
            #expect(try FlockProcess.view(of: node).members.map(\.name) == ["n1"])
            #expect(node.log.contains("Do both nodes use the same --store?"))
        }
    }
}
