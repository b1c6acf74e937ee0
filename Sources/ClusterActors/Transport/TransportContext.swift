import ClusterKeys
import Logging
import NIOCore
import Synchronization
import Telemetry

/// The limits that depend on where a node runs, and that tests make small.
package struct PeerSettings: Hashable, Sendable {
    package var helloTime = PeerLimits.helloTime
    package var connectTime = PeerLimits.connectTime
    package var drainTime = PeerLimits.drainTime
    package var logEvery = PeerLimits.logEvery
    package var connectionsMax = PeerLimits.connectionsMax
    package var runningMax = PeerLimits.runningMax
    package var budgetBytes = PeerLimits.budgetBytes

    package init() {}
}

/// What all connections of a node share.
final class TransportContext: Sendable {
    let node: String
    let incarnation: UInt64
    let version: String
    let keys: KeyRing?
    let settings: PeerSettings
    let counters = CounterBox()
    private let logger: Logger
    private let flock: Mutex<FlockID?>
    private let told = Mutex<[String: (at: ContinuousClock.Instant, since: Int)]>([:])

    init(
        node: String, incarnation: UInt64, version: String, flock: FlockID?, keys: KeyRing?, settings: PeerSettings,
        logger: Logger
    ) {
        self.node = node
        self.incarnation = incarnation
        self.version = FailureBytes.cut(version, to: PeerLimits.nameBytesMax)
        self.keys = keys
        self.settings = settings
        self.logger = logger
        self.flock = Mutex(flock)
    }

    /// - Returns: false if it was that already.
    func learn(_ flock: FlockID) -> Bool {
        self.flock.withLock { known in
            defer { known = flock }
            return known != flock
        }
    }

    /// With fresh random bytes: one connection's.
    func hello() -> Hello {
        var generator = SystemRandomNumberGenerator()
        return Hello(
            flock: flock.withLock { $0 }, node: node, incarnation: incarnation, version: version,
            random: FlockID(using: &generator))
    }

    /// How long calls fail at once after so many failed attempts in a row: doubled each time, and drawn from the upper
    /// half, so that nodes which lost the same peer do not come back in one moment.
    static func backoff(failures: Int) -> Duration {
        let doublings = min(max(failures - 1, 0), 16)
        let longest = min(PeerLimits.backoffFirst * (1 << doublings), PeerLimits.backoffLongest)
        return longest / 2 + longest / 2 * Double.random(in: 0...1)
    }

    // MARK: Refusals

    /// Counts a connection that ended for a reason, and tells it, once a while for each reason.
    func count(_ end: ConnectionEnd, of peer: String) {
        guard let (kind, text) = Self.refusal(end) else { return }
        counters.add { $0.connectionsRefused[kind, default: 0] += 1 }
        tell(kind, "connection with \(peer) refused: \(text)")
    }

    func countTooMany() {
        counters.add { $0.connectionsRefused["too_many", default: 0] += 1 }
        tell("too_many", "connection refused: \(settings.connectionsMax) are open")
    }

    private static func refusal(_ end: ConnectionEnd) -> (kind: String, text: String)? {
        switch end {
        case .closed, .io: nil
        case .silent: ("silent", "it did not say who it is in time")
        case .failed(.frame(let error)): ("broken", "\(error)")
        case .failed(.unexpected(let kind)): ("broken", "a \(kind) out of turn")
        case .failed(.refusedByPeer(let refusal)): (refusal.kind, "\(refusal) (it says)")
        case .failed(.refusing(let refusal)): (refusal.kind, "\(refusal)")
        case .failed(.otherNode(let other)): ("other_node", "\(other) answers at that address")
        }
    }

    private func tell(_ kind: String, _ text: String) {
        let now = ContinuousClock.now
        let silenced: Int? = told.withLock { told in
            guard let last = told[kind], now - last.at < settings.logEvery else {
                defer { told[kind] = (now, 0) }
                return told[kind]?.since ?? 0
            }
            told[kind] = (last.at, last.since + 1)
            return nil
        }
        guard let silenced else { return }
        logger.warning("\(text)", metadata: silenced > 0 ? ["silenced": "\(silenced)"] : nil)
    }
}
