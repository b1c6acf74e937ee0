import ClusterActors
import Distributed

/// The counter as another version of the program has it: the same role, one call more, one with other arguments.
distributed actor NewerCounter: WireActor {
    typealias ActorSystem = ClusterActorSystem

    static let wireCalls: [WireCall<NewerCounter>] = [
        WireCall(1, "add") { _ = try await $0.add(Blob([]), Number(0)) },
        WireCall(2, "clear") { try await $0.clear(Number(0)) },
        WireCall(6, "sum") { _ = try await $0.sum(Number(0)) },
        WireCall(7, "make") { _ = try await $0.make(Number(0)) },
        WireCall(8, "hold") { _ = try await $0.hold(Blob([])) },
        WireCall(99, "average") { _ = try await $0.average() },
    ]

    distributed func add(_ blob: Blob, _ number: Number) -> Number { number }
    distributed func clear(_ number: Number) {}
    distributed func sum(_ only: Number) -> Number { only }
    /// The older one returns a blob.
    distributed func make(_ count: Number) -> Number { count }
    /// The older one returns nothing.
    distributed func hold(_ blob: Blob) -> Number { Number(0) }
    distributed func average() -> Number { Number(0) }
    distributed func inNoTable() {}
}

/// Tables that must not pass.
distributed actor DoubledNumber: WireActor {
    typealias ActorSystem = ClusterActorSystem
    static let wireCalls: [WireCall<DoubledNumber>] = [
        WireCall(1, "a") { try await $0.a() }, WireCall(1, "b") { try await $0.b() },
    ]
    distributed func a() {}
    distributed func b() {}
}

distributed actor DoubledCall: WireActor {
    typealias ActorSystem = ClusterActorSystem
    static let wireCalls: [WireCall<DoubledCall>] = [
        WireCall(1, "a") { try await $0.a() }, WireCall(2, "b") { try await $0.a() },
    ]
    distributed func a() {}
}

distributed actor NoCall: WireActor {
    typealias ActorSystem = ClusterActorSystem
    static let wireCalls: [WireCall<NoCall>] = [WireCall(1, "a") { _ in }]
    distributed func a() {}
}
