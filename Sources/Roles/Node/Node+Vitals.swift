import GossipTransport
import IngestLog
package import Ports
import Telemetry

/// What a node measures of itself.
extension Node {
    package func vitals() async -> NodeVitals {
        NodeVitals(
            logBytes: log.sizeBytes, logLimitBytes: log.limitBytes, pendingFor: await pendingFor(),
            refusedDatagrams: neighbourhood.map { refusals($0.transport.counts) } ?? [:])
    }

    /// What a log held from before has waited since this start at the least.
    private func pendingFor() async -> Int64 {
        guard await ingest.ledger.pending > 0 else { return 0 }
        let age = await ingest.backlog()
        return age == .max ? max(0, clock.instant.microseconds(since: startedAt)) : age
    }

    private func refusals(_ counts: GossipCounts) -> [String: UInt64] {
        DatagramRefusal.allCases.reduce(into: [:]) { refused, reason in
            refused[reason.rawValue] = UInt64(clamping: counts.refused[reason] ?? 0)
        }
    }
}
