import Campaign
import Foundation
import NodeHarness
import Synchronization

/// Asks the database and the nodes, again and again beside everything else, who leads the pruner.
final class LeaderWatch: Sendable {
    struct Seen: Sendable {
        /// The job's row, change by change.
        var minted: [Checks.Leader] = []
        var told: Set<Checks.Leader> = []
        fileprivate var isEnding = false
        fileprivate var hasEnded = false
    }

    struct Endpoint: Sendable {
        let network: NetworkPlace
        let port: UInt16
    }

    private static let roundMilliseconds: Int32 = 1_000
    /// Of each send and receive; a node that stands still costs so much a round.
    private static let timeout = Duration.milliseconds(500)

    private let state = Mutex(Seen())

    init(_ rows: StoreRows, _ endpoints: [Endpoint]) {
        Thread.detachNewThread { [self] in
            while !state.withLock({ $0.isEnding }) {
                look(rows, endpoints)
                var nothing = pollfd(fd: -1, events: 0, revents: 0)
                poll(&nothing, 1, Self.roundMilliseconds)
            }
            state.withLock { $0.hasEnded = true }
        }
    }

    var seen: Seen { state.withLock { $0 } }

    /// Ends it and waits for that.
    func end() -> Seen {
        state.withLock { $0.isEnding = true }
        var nothing = pollfd(fd: -1, events: 0, revents: 0)
        let deadline = Deadline(in: .seconds(30))
        while !state.withLock({ $0.hasEnded }), !deadline.isPast { poll(&nothing, 1, 20) }
        return seen
    }

    private func look(_ rows: StoreRows, _ endpoints: [Endpoint]) {
        if let leader = try? rows.leader() {
            state.withLock { if $0.minted.last != leader { $0.minted.append(leader) } }
        }
        for endpoint in endpoints {
            if let leader = Self.told(by: endpoint) { state.withLock { _ = $0.told.insert(leader) } }
        }
    }

    private static func told(by endpoint: Endpoint) -> Checks.Leader? {
        struct View: Decodable {
            struct Pruner: Decodable {
                let leader: String?
                let fencing_token: Int?
            }
            let pruner: Pruner
        }
        guard
            let connection = try? HTTPConnection(port: endpoint.port, at: endpoint.network, timeout: timeout),
            let answer = try? connection.ask("GET", "/cluster"), answer.status == 200,
            let pruner = try? JSONDecoder().decode(View.self, from: Data(answer.body)).pruner,
            let name = pruner.leader, let token = pruner.fencing_token
        else { return nil }
        return Checks.Leader(name: name, token: token)
    }
}
