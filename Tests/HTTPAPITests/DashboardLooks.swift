import Ports
import Telemetry

extension DashboardLooksTests {
    /// What the pages beside the overview show.
    static func fill(_ node: FakeNode) {
        let device = DeviceID(unchecked: "device-04")
        node.change { state in
            let names = ["humidity", "pressure"]
            state.rows = [
                DeviceRow(
                    device: device, metrics: names.map { Metric(unchecked: $0) }, firstSeen: FakeNode.start,
                    lastHeard: .now, isHidden: false, readings: 12_345)
            ]
            for name in names {
                let series = Series(device: device, metric: Metric(unchecked: name))
                state.history[series] = (0..<300).map { point($0) }
            }
            state.anomalies = [
                episode("1", .anomaly, "device-04", ago: 30, reason: "7.2 \u{3C3} above its usual 14:00 value"),
                episode("2", .silence, "greenhouse/north-wing/very-long-sensor-name-0009", ago: 400, reason: ""),
                episode("3", .fleet, "*", ago: 4_000, lasted: 60, reason: "31 devices: device-01, device-02 and more"),
                episode("4", .anomaly, "device-04", ago: 90_000, lasted: 0, reason: "stuck at 21.5 for 31 min"),
            ]
            state.audit = [
                AuditRow(
                    time: .now, job: "prune", device: DeviceID(unchecked: "device-77"), decision: .hide,
                    reason: "unheard for 60 s", token: FencingToken(3))
            ]
            state.models = [
                ModelsTests.row(3, .active, metric: "humidity"), ModelsTests.row(4, .shadow, metric: "humidity"),
                ModelsTests.row(1, .active, metric: "temperature"),
            ]
        }
    }

    private static func point(_ index: Int) -> HistoryPoint {
        let isAnomaly = index == 290
        let ago = Int64(300 - index) * 2_500_000
        return HistoryPoint(
            time: Instant.now.advanced(byMicroseconds: -ago), value: 40 + Double(index % 17) / 5,
            score: isAnomaly ? 0.9 : 0.1, result: isAnomaly ? .anomaly : .normal)
    }

    private static func episode(
        _ id: String, _ kind: AnomalyEpisode.Kind, _ device: String, ago seconds: Int64, lasted: Int64? = nil,
        reason: String
    ) -> AnomalyEpisode {
        let start = Instant.now.advanced(byMicroseconds: -seconds * 1_000_000)
        return AnomalyEpisode(
            id: id, kind: kind,
            series: Series(device: DeviceID(unchecked: device), metric: Metric(unchecked: "humidity")), start: start,
            peak: start, end: lasted.map { start.advanced(byMicroseconds: $0 * 1_000_000) }, score: 0.9, value: 54.5,
            reason: reason, model: ModelID(name: "humidity", version: 3))
    }
}
