package import Distributed
import Synchronization

/// An actor that other nodes call. Its table names every call by a number that never changes: the compiler's own names
/// of methods differ between versions of the program, and one that a peer sent must never be looked up here (the name
/// of another actor's method crashes the process).
package protocol WireActor: DistributedActor where ActorSystem == ClusterActorSystem {
    /// Numbers are frozen: a call that is gone takes its number with it, a new one gets a new number.
    static var wireCalls: [WireCall<Self>] { get }
}

/// One call in an actor's table.
package struct WireCall<Act: WireActor>: Sendable {
    package let number: UInt16
    /// For people: logs and errors.
    package let name: String
    /// Makes the call with any arguments on an actor that is not there: this is how its compiled name is learned.
    let probe: @Sendable (Act) async throws -> Void

    package init(_ number: UInt16, _ name: String, probe: @escaping @Sendable (Act) async throws -> Void) {
        self.number = number
        self.name = name
        self.probe = probe
    }
}

/// An actor type's calls: this program's compiled name ⇄ the number on the wire.
struct WireTable: Sendable {
    struct Entry: Sendable {
        let name: String
        let target: String
        let argumentsCount: Int
    }

    let type: ObjectIdentifier
    let entries: [UInt16: Entry]
    let numbers: [String: UInt16]

    /// - Precondition: every probe makes one call, and no number or call stands twice.
    init<Act: WireActor>(of type: Act.Type) async {
        let recorder = CallRecorder()
        let system = ClusterActorSystem(recorder: recorder)
        var entries: [UInt16: Entry] = [:]
        var numbers: [String: UInt16] = [:]
        for call in Act.wireCalls {
            let what = "\(type) call \(call.number) (\(call.name))"
            if let stub = try? Act.resolve(id: ClusterActorSystem.probed, using: system) {
                // It ends with an error always: there is nobody to answer.
                _ = try? await call.probe(stub)
            }
            let recorded = recorder.take()
            precondition(recorded.count == 1, "\(what): its probe makes \(recorded.count) calls and not one")
            precondition(entries[call.number] == nil, "\(what): that number stands twice in the table")
            for (target, argumentsCount) in recorded {
                precondition(numbers[target] == nil, "\(what): its probe makes the call of another number")
                entries[call.number] = Entry(name: call.name, target: target, argumentsCount: argumentsCount)
                numbers[target] = call.number
            }
        }
        self.type = ObjectIdentifier(type)
        self.entries = entries
        self.numbers = numbers
    }
}

/// Takes down which calls were made on a stub.
final class CallRecorder: Sendable {
    private let calls = Mutex<[(target: String, argumentsCount: Int)]>([])

    func record(_ target: String, argumentsCount: Int) {
        calls.withLock { $0.append((target, argumentsCount)) }
    }

    func take() -> [(target: String, argumentsCount: Int)] {
        calls.withLock { calls in
            defer { calls = [] }
            return calls
        }
    }
}
