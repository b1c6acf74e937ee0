package import Logging
import Synchronization

/// Where the drivers put what they did, and the reporter reads it.
package final class FleetLedger: Sendable {
    private struct State {
        var counts = FleetCounts()
        var lastError: String?
        var awayServers: Set<String> = []
    }

    private let state = Mutex(State())
    private let logger: Logger

    package init(logger: Logger) {
        self.logger = logger
    }

    package var counts: FleetCounts { state.withLock { $0.counts } }
    package var lastError: String? { state.withLock { $0.lastError } }

    func add(_ delta: FleetCounts) {
        state.withLock { $0.counts = $0.counts + delta }
    }

    /// Says once that a server went away and once that it is back, however many devices notice.
    func note(_ outcome: PostOutcome, of server: ServerAddress) {
        switch outcome {
        case .answered(_, let rejected, let reason):
            recovered(server)
            if rejected > 0 { refused(reason ?? "no reason given", by: server) }
        case .refused(let reason):
            recovered(server)
            refused(reason, by: server)
        case .again(let reason, _):
            let isNews = state.withLock { state in
                state.lastError = "\(server): \(reason)"
                return state.awayServers.insert(server.base).inserted
            }
            logger.log(
                level: isNews ? .warning : .debug, "server takes no readings, trying again",
                metadata: ["server": "\(server)", "reason": "\(reason)"])
        }
    }

    private func recovered(_ server: ServerAddress) {
        guard state.withLock({ $0.awayServers.remove(server.base) }) != nil else { return }
        logger.notice("server takes readings again", metadata: ["server": "\(server)"])
    }

    private func refused(_ reason: String, by server: ServerAddress) {
        let isNews = state.withLock { state in
            defer { state.lastError = "\(server): \(reason)" }
            return state.lastError != "\(server): \(reason)"
        }
        logger.log(
            level: isNews ? .warning : .debug, "server refused readings",
            metadata: ["server": "\(server)", "reason": "\(reason)"])
    }
}
