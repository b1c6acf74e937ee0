import Foundation
import Logging
import Membership
import Synchronization

/// Looks names up, each on a thread of its own, for no longer than a caller waits.
///
/// A name that fails or takes too long has the addresses it had: who was reachable a minute ago is worth a ping.
final class SeedLookup: Sendable {
    typealias Resolve = @Sendable (_ host: String, _ port: UInt16) -> SocketName.Found

    private struct State {
        /// Being looked up; a name is not asked for twice at a time, however long it hangs.
        var busy: Set<MemberAddress> = []
        var known: [MemberAddress: [MemberAddress]] = [:]
        /// As last told.
        var failures: [MemberAddress: String] = [:]
    }

    private let state = Mutex(State())
    private let logger: Logger
    private let timeout: Duration
    private let look: Resolve

    init(
        logger: Logger, timeout: Duration = GossipLimits.resolveTimeout, look: @escaping Resolve = SocketName.lookUp
    ) {
        self.logger = logger
        self.timeout = timeout
        self.look = look
    }

    /// - Returns: sorted, each once.
    func addresses(of names: [MemberAddress]) async -> [MemberAddress] {
        let names = Array(Set(names).sorted().prefix(GossipLimits.namesMax))
        let asked = state.withLock { state in
            let asked = names.filter { !state.busy.contains($0) }
            state.busy.formUnion(asked)
            return asked
        }
        let (answers, answered) = AsyncStream.makeStream(
            of: Void.self, bufferingPolicy: .bufferingNewest(GossipLimits.namesMax))
        for name in asked {
            Thread.detachNewThread { [self] in
                note(look(name.host, name.port), of: name)
                answered.yield()
            }
        }
        await wait(for: asked.count, answers)
        for name in names where state.withLock({ $0.busy.contains(name) }) {
            tell("no answer yet", of: name)
        }
        let known = state.withLock { state in names.flatMap { state.known[$0] ?? [] } }
        return Set(known).sorted()
    }

    private func wait(for count: Int, _ answers: AsyncStream<Void>) async {
        guard count > 0 else { return }
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                var left = count
                for await _ in answers {
                    left -= 1
                    if left == 0 { return }
                }
            }
            group.addTask { [timeout] in try? await Task.sleep(for: timeout) }
            await group.next()
            group.cancelAll()
        }
    }

    private func note(_ found: SocketName.Found, of name: MemberAddress) {
        state.withLock { state in
            state.busy.remove(name)
            if !found.names.isEmpty { state.known[name] = found.names.map(\.memberAddress) }
        }
        tell(found.failure, of: name)
    }

    /// Once a change.
    private func tell(_ failure: String?, of name: MemberAddress) {
        let old = state.withLock { state in
            let old = state.failures[name]
            state.failures[name] = failure
            return old
        }
        guard failure != old else { return }
        if let failure {
            logger.warning("cannot look up \(name.host) to join: \(failure); it is tried again for ever")
        } else {
            logger.info("\(name.host) can be looked up again")
        }
    }
}
