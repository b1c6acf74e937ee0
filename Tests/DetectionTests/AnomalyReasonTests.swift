import Detection
import Telemetry
import Testing

@Suite struct AnomalyReasonTests {
    @Test(arguments: [
        (AnomalyReason.spike(deviations: 7.24, hour: 14), "7.24 σ above its usual 14:00 value"),
        (.spike(deviations: -12.34, hour: 3), "12.3 σ below its usual 03:00 value"),
        (.spike(deviations: 1000, hour: nil), "1000 σ above what was expected"),
        (.run(deviations: -1.2, hour: 7), "for a while now below its usual 07:00 values"),
        (.run(deviations: 1.2, hour: nil), "for a while now above what was expected"),
        (.level(deviations: 3), "3 σ above its usual level"),
        (.unseen(value: 98.25, edge: 76), "outside everything seen so far: 98.3, never above 76 before"),
        (.unseen(value: -1, edge: 0), "outside everything seen so far: -1, never below 0 before"),
        (.restless(times: 2.5), "2.5 times as restless as usual"),
        (.stuck(value: 21.5, microseconds: 1_860_000_000), "stuck at 21.5 for 31 min"),
        (.stuck(value: 0, microseconds: 12_000_000), "stuck at 0 for 12 s"),
        (.stuck(value: 1e20, microseconds: 8_000_000_000_000), "stuck at 1e+20 for 92 days"),
        (.stuck(value: 0.00012, microseconds: 8_000_000_000), "stuck at 0.00012 for 2 h"),
        (.stuck(value: 0.1, microseconds: -5), "stuck at 0.1 for 0 s"),
        (
            .offLevel(Metric(unchecked: "flow"), deviations: -5.123),
            "flow 5.12 σ below its usual level"
        ),
        (
            .offTogether(Metric(unchecked: "pressure"), Metric(unchecked: "flow")),
            "pressure and flow are both off their usual levels"
        ),
        (.disagreement(Metric(unchecked: "pressure"), Metric(unchecked: "flow")), "pressure and flow disagree"),
        (.unsteady(Metric(unchecked: "flow"), times: 3.2), "flow 3.2 times as restless as usual"),
        (.foreign, "far outside of what this metric shows"), (.notFinite, "not a number"),
    ]) func reasonsAreShortSentences(reason: AnomalyReason, text: String) {
        #expect(reason.description == text)
    }
}
