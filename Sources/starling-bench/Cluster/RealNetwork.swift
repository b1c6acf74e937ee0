import Membership
import Synchronization
import Telemetry

/// What the loopback network does not do by itself: it loses, and it is cut. Asked once a datagram by who sends it.
final class RealNetwork: Sendable {
    private struct State {
        var loss = 0.0
        /// Nodes on one side of a cut; all others are on the other.
        var side: Set<MemberAddress>?
        var random = SeededGenerator(seed: 1)
    }

    private let state = Mutex(State())

    func lose(_ share: Double) { state.withLock { $0.loss = share } }
    func cut(off side: Set<MemberAddress>) { state.withLock { $0.side = side } }
    func heal() { state.withLock { $0.side = nil } }

    func carries(from: MemberAddress, to: MemberAddress) -> Bool {
        state.withLock { state in
            if let side = state.side, side.contains(from) != side.contains(to) { return false }
            return state.loss == 0 || state.random.drawUnit() >= state.loss
        }
    }
}
