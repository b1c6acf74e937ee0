package import Telemetry

/// Which server to ask next, for one sender of readings.
///
/// Each sender has a home server (so a fleet spreads over all of them) and falls over to the next ones at once. A server
/// that failed is left alone for its back-off, or for what its `Retry-After` asked if that is longer; as soon as the home
/// server may be asked again it is, so the spread comes back after an outage.
package struct ServerRotation: Hashable, Sendable {
    package enum Choice: Hashable, Sendable {
        case ask(server: Int)
        case wait(until: Moment)
    }

    private struct Server: Hashable {
        var failures = 0
        var notBefore: Moment?
    }

    private var servers: [Server]
    private let home: Int
    private let backoff: Backoff
    private var generator: SeededGenerator

    package init(serversCount: Int, home: Int, backoff: Backoff, seed: UInt64) {
        precondition(serversCount > 0, "a rotation over no server")
        servers = .init(repeating: Server(), count: serversCount)
        self.home = home % serversCount
        self.backoff = backoff
        generator = SeededGenerator(seed: seed)
    }

    package func choose(now: Moment) -> Choice {
        var earliest: Moment?
        for step in servers.indices {
            let server = (home + step) % servers.count
            guard let notBefore = servers[server].notBefore, notBefore > now else { return .ask(server: server) }
            earliest = min(earliest ?? notBefore, notBefore)
        }
        return .wait(until: earliest ?? now)
    }

    package mutating func succeeded(server: Int) {
        servers[server] = Server()
    }

    package mutating func failed(server: Int, retryAfterMicroseconds: Int64?, now: Moment) {
        let failures = min(servers[server].failures + 1, 1_000_000)
        let delay = backoff.delayMicroseconds(failures: failures, using: &generator)
        servers[server].failures = failures
        servers[server].notBefore = now.advanced(byMicroseconds: max(delay, retryAfterMicroseconds ?? 0))
    }
}
