import ClusterActors
import Distributed
import LogFormat
import Testing

struct ClusterActorSystemTests {
    @Test func aLocalActorIsFoundByItsRoleAndCalled() async throws {
        let system = ClusterActorSystem(node: "n0", incarnation: 7)
        let counter = system.start("counter") { Counter(actorSystem: system) }
        let id = ClusterActorID(node: "n0", incarnation: 7, role: "counter")
        #expect(counter.id == id)
        let found = try Counter.resolve(id: id, using: system)
        _ = try await found.add(Number(2))
        #expect(try await counter.add(Number(3)) == Number(5))
    }

    @Test(arguments: [
        ClusterActorID(node: "n1", incarnation: 7, role: "counter"),
        ClusterActorID(node: "n0", incarnation: 6, role: "counter"),
        ClusterActorID(node: "n0", incarnation: 7, role: "nobody"),
    ])
    func anyOtherIdentityIsAnErrorThatNamesIt(id: ClusterActorID) {
        let system = ClusterActorSystem(node: "n0", incarnation: 7)
        let counter = system.start("counter") { Counter(actorSystem: system) }
        withExtendedLifetime(counter) {
            let error = #expect(throws: ClusterActorError.self) { try Counter.resolve(id: id, using: system) }
            #expect(error?.description.contains(id.description) == true)
        }
    }

    @Test func theSystemDoesNotKeepItsActorsAlive() throws {
        let system = ClusterActorSystem(node: "n0", incarnation: 7)
        let id = ClusterActorID(node: "n0", incarnation: 7, role: "counter")
        do { _ = system.start("counter") { Counter(actorSystem: system) } }
        #expect(throws: ClusterActorError.unknownActor(id.description)) {
            try Counter.resolve(id: id, using: system)
        }
    }

    @Test func argumentsAreReadBackInOrder() throws {
        var encoder = ClusterCallEncoder()
        for value in [1, 300, UInt64.max] {
            try encoder.recordArgument(RemoteCallArgument(label: nil, name: "n", value: Number(value)))
        }
        var decoder = ClusterCallDecoder(encoder.arguments.bytes)
        for value in [1, 300, UInt64.max] { #expect(try decoder.decodeNextArgument() == Number(value)) }
        #expect(throws: FormatError.self) { try decoder.decodeNextArgument() as Number }
    }
}
