import ReadingFormats
import Telemetry
import Testing

/// What may not pass is told reading by reading, and the rest goes on.
@Suite struct GateTests {
    private struct Gate: ReadingGate {
        func refusal(of device: DeviceID, readings: Int) -> String? {
            device.text == "slow" ? "comes too fast (\(readings))" : nil
        }

        func hasRoom(for series: Series) -> Bool { series.metric.text != "new" }
        var noRoom: String { "finds no room" }
    }

    private func parse(_ body: String) throws(BodyError) -> ParsedReadings {
        try Bodies.parser.parse(
            Array(body.utf8), as: .ndjson, receivedAt: Bodies.receivedAt, through: Gate()
        ) { Bodies.receivedAt }
    }

    @Test func whatIsRefusedIsCountedAndTold() throws {
        let parsed = try parse(
            """
            {"device_id":"a","metrics":[{"type":"t","value":1},{"type":"new","value":2},{"type":"u","value":3}]}
            {"device_id":"slow","metrics":[{"type":"t","value":1},{"type":"u","value":2}]}
            {"device_id":"a","metrics":[{"type":"new","value":4},{"type":"t","value":5}]}
            """)
        #expect(parsed.batch.values == [1, 3, 5])
        #expect(parsed.batch.series.map(\.metric.text) == ["t", "u"], "no series without a reading")
        #expect(parsed.rejected == 4)
        #expect(
            parsed.errors == [
                ItemError(index: 0, field: "metrics[1].type", reason: "finds no room"),
                ItemError(index: 1, field: "device_id", reason: "comes too fast (2)"),
                ItemError(index: 2, field: "metrics[0].type", reason: "finds no room"),
            ])
    }

    @Test func whereNothingPassesNothingIsAcceptable() {
        let error = #expect(throws: BodyError.self) {
            try parse(#"{"device_id":"slow","metrics":[{"type":"t","value":1}]}"#)
        }
        guard case .nothingAcceptable(let parsed) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(parsed.rejected == 1 && parsed.errors.count == 1)
    }
}
