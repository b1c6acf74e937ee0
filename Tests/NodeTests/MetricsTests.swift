import Foundation
import NodeHarness
import Testing

extension NodeTests {
    /// What a node tells Prometheus.
    @Suite(.timeLimit(.minutes(1))) struct MetricsTests {
        /// Every metric that the alert rules and the dashboard for Grafana look at.
        private static func watched() throws -> Set<String> {
            let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .deletingLastPathComponent().appending(path: "cluster/observability")
            let texts = try ["alerts.yml", "grafana-dashboard.json"].map {
                try String(contentsOf: folder.appending(path: $0), encoding: .utf8)
            }
            return Set(texts.joined().matches(of: /starling_[a-z_]+/).map { String($0.output) })
        }

        /// A rule sees no change from nothing to 1, and an absent series raises no alarm.
        @Test func whatAlertsLookAtIsThereBeforeAnythingHappened() throws {
            let folder = try TemporaryFolder()
            let node = try NodeProcess.ready(at: try NodeTests.place(in: folder))
            let lines = try node.get("/metrics").text.split(separator: "\n")
            let names = Set(lines.map { String($0.prefix { $0 != " " && $0 != "{" }) })
            let watched = try Self.watched()
            #expect(watched.count > 30)
            #expect(watched.subtracting(names).isEmpty)
            for reason in ["wrong_key", "clear", "sealed", "replay", "oversized", "other_version", "malformed"] {
                let line = "starling_gossip_datagrams_refused_total{reason=\"\(reason)\"} 0"
                #expect(lines.contains { $0 == line }, "\(line)")
            }
            try NodeTests.stop(node)
        }
    }
}
