import CoreMetrics
import Foundation
import HTTPAPI
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Ports
import Testing

@Suite struct MetricsTests {
    /// `promtool` is part of Debian's package `prometheus`.
    private func check(_ text: String) async throws {
        let (status, said) = try await onOwnThread {
            try Tool.run("promtool", ["check", "metrics"], input: Data(text.utf8))
        }
        #expect(status == 0 && said.isEmpty, "promtool: \(said)\n\(text)")
    }

    @Test func whatTheNodeServesIsGoodPrometheus() async throws {
        let node = FakeNode()
        node.change { state in
            state.ledger.accepted = 12
            state.ledger.pending = 2
        }
        try await makeAPI(node).makeApplication().test(.router) { client in
            _ = try await client.execute(uri: "/latest", method: .get)
            _ = try await client.execute(uri: "/devices/secret-device", method: .get)
            _ = try await client.execute(uri: "/nothing", method: .init("BREW") ?? .get)
            _ = try await client.execute(
                uri: "/data", method: .post, headers: [.contentType: "text/plain"], body: ByteBuffer(string: "x"))
            let response = try await client.execute(uri: "/metrics", method: .get)
            #expect(response.headers[.contentType] == "text/plain; version=0.0.4; charset=utf-8")
            let text = response.text
            for line in [
                #"starling_http_requests_total{method="GET",route="/latest",status="200"} 1"#,
                #"starling_http_requests_total{method="GET",route="/devices/{device_id}",status="404"} 1"#,
                #"starling_http_requests_total{method="other",route="none",status="404"} 1"#,
                #"starling_http_requests_total{method="POST",route="/data",status="415"} 1"#,
                #"starling_http_request_duration_seconds_count{method="GET",route="/latest"} 1"#,
                "starling_readings_accepted_total 12", "starling_readings_pending 2", "starling_store_reachable 1",
                #"starling_members{status="alive"} 1"#, "starling_node_ready 1",
            ] {
                #expect(text.contains(line + "\n"), "\(line) is missing in\n\(text)")
            }
            #expect(!text.contains("secret-device"))
            try await check(text)
        }
    }

    /// What a rule looks at is there before anything happened, and follows the node.
    @Test func theNodesVitalsAreServedFromTheStart() async throws {
        let node = FakeNode()
        try await makeAPI(node).makeApplication().test(.router) { client in
            let before = try await client.execute(uri: "/metrics", method: .get).text
            node.change { state in
                state.vitals = NodeVitals(
                    logBytes: 12_345, logLimitBytes: 1 << 24, pendingFor: 1_500_000,
                    refusedDatagrams: ["replay": 0, "wrong_key": 7])
                state.pruner = ClusterView.Pruner(
                    leader: "n0", fencingToken: 9, lastRun: FakeNode.start, lastResult: "nothing to do")
            }
            let after = try await client.execute(uri: "/metrics", method: .get).text
            for (name, first, second) in [
                ("starling_ingest_log_bytes", "0", "12345"),
                ("starling_ingest_log_limit_bytes", "1073741824", "16777216"),
                ("starling_readings_pending_age_seconds", "0", "1.5"), ("starling_pruner_fencing_token", "0", "9"),
                ("starling_pruner_last_run_timestamp_seconds", "0", "1795359845"),
                (#"starling_gossip_datagrams_refused_total{reason="replay"}"#, "0", "0"),
                (#"starling_gossip_datagrams_refused_total{reason="wrong_key"}"#, "0", "7"),
                (#"starling_http_requests_total{method="POST",route="/data",status="202"}"#, "0", "0"),
                (#"starling_http_requests_total{method="POST",route="/data",status="503"}"#, "0", "0"),
            ] {
                #expect(before.contains("\n\(name) \(first)\n"), "\(name)\n\(before)")
                #expect(after.contains("\n\(name) \(second)\n"), "\(name)\n\(after)")
            }
            try await check(after)
        }
    }

    @Test func everyKindOfMetricIsRendered() async throws {
        let metrics = PrometheusMetrics(help: ["starling_things_total": "Things \\ counted.\nTwice."])
        let counter = Counter(label: "starling.things", dimensions: [("b", "x\"y\\z\n"), ("a", "1")], factory: metrics)
        counter.increment(by: 3)
        Counter(label: "starling.things", dimensions: [("a", "1"), ("b", "x\"y\\z\n")], factory: metrics).increment()
        Meter(label: "starling_level", factory: metrics).set(2.5)
        Gauge(label: "starling_depth", factory: metrics).record(-7)
        let timer = Timer(label: "starling_wait", factory: metrics)
        timer.recordNanoseconds(3_000_000)
        timer.recordNanoseconds(60_000_000_000)
        Recorder(label: "starling_batch_readings", factory: metrics).record(12)
        var text = PrometheusText()
        metrics.render(into: &text)
        let rendered = String(buffer: text.buffer)
        for line in [
            #"starling_things_total{a="1",b="x\"y\\z\n"} 4"#, "starling_level 2.5", "starling_depth -7",
            #"starling_wait_seconds_bucket{le="0.0025"} 0"#, #"starling_wait_seconds_bucket{le="0.005"} 1"#,
            #"starling_wait_seconds_bucket{le="10"} 1"#, #"starling_wait_seconds_bucket{le="+Inf"} 2"#,
            "starling_wait_seconds_sum 60.003", "starling_wait_seconds_count 2",
            #"starling_batch_readings_bucket{le="100"} 1"#, "# TYPE starling_batch_readings histogram",
        ] {
            #expect(rendered.contains(line + "\n"), "\(line) is missing in\n\(rendered)")
        }
        try await check(rendered)
    }

    @Test func whatIsDestroyedIsForgotten() {
        let metrics = PrometheusMetrics()
        let counter = Counter(label: "starling_gone", factory: metrics)
        counter.increment()
        counter.destroy()
        var text = PrometheusText()
        metrics.render(into: &text)
        #expect(text.buffer.readableBytes == 0)
    }

    @Test func labelsWithoutEndAreNotKeptWithoutEnd() {
        let metrics = PrometheusMetrics()
        for index in 0..<2 * PrometheusMetrics.seriesCountMax {
            Counter(label: "starling_wild", dimensions: [("n", String(index))], factory: metrics).increment()
        }
        var text = PrometheusText()
        metrics.render(into: &text)
        #expect(String(buffer: text.buffer).split(separator: "\n").count == PrometheusMetrics.seriesCountMax + 2)
    }
}
