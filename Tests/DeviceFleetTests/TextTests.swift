import DeviceFleet
import Foundation
import Telemetry
import Testing

/// Bodies and words.
@Suite struct TextTests {
    private let metrics = SignalProfile.usual.map(\.metric)
    private let time = Instant(microseconds: 1_384_441_445_000_000)

    @Test func oneMessageIsAnObjectAsThePrototypeSentIt() {
        let body = MessageBody.bytes(
            device: DeviceID(unchecked: "device-01"), metrics: metrics,
            messages: [DeviceMessage(time: time, values: [21.5, 40])])
        #expect(
            String(decoding: body, as: UTF8.self)
                == #"{"device_id":"device-01","timestamp":"2013-11-14T15:04:05.000Z","metrics":[{"type":"temperature","#
                + #""value":21.5},{"type":"humidity","value":40.0}]}"#)
    }

    @Test(arguments: ["plain", "with \"quotes\" and \\", "Gewächshaus 7", "🌱", "a/b"])
    func anyNameComesOutAsItWentIn(name: String) throws {
        let device = try #require(DeviceID(name))
        let messages = [1.0, 2.5].map { DeviceMessage(time: time, values: [$0, -1e-7]) }
        let array = MessageBody.bytes(device: device, metrics: metrics, messages: messages)
        let parsed = try #require(try JSONSerialization.jsonObject(with: Data(array)) as? [[String: Any]])
        #expect(parsed.map { $0["device_id"] as? String } == [name, name])
        let line = MessageBody.lines(
            series: Series(device: device, metric: Metric(unchecked: name)),
            points: [ReplayRow(time: time, value: 1e300)])
        #expect(line.last == UInt8(ascii: "\n"))
        let object = try #require(try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any])
        let metric = try #require((object["metrics"] as? [[String: Any]])?.first)
        #expect(metric["type"] as? String == name && metric["value"] as? Double == 1e300)
    }

    @Test func theProgressLineSaysWhatMattersNow() {
        var before = FleetCounts()
        before.accepted = 100
        var now = before
        now.rejected = 20
        now.accepted = 300
        now.buffered = 20
        now.errors = 2
        let line = ProgressLine.text(now, previous: before, seconds: 4, total: 600, lastError: "http://h: refused")
        #expect(
            line == "53 % of 600 · sent 320 · accepted 300 · rejected 20 · buffered 20 · errors 2 · 50.0 readings/s · "
                + "last: http://h: refused")
        #expect(!ProgressLine.text(now, previous: before, seconds: 0).contains("last"))
    }

    @Test func theReplaySummaryTellsSentDistinctAcceptedRejected() {
        var counts = FleetCounts()
        counts.accepted = 2
        counts.rejected = 1
        let file = ReplayFile(Array("1000000000,1\n1000000000,1\n1000000000,2\nx,y\n".utf8))
        let summary = ProgressLine.summary(counts, of: file, seconds: 2)
        #expect(summary.hasPrefix("rows sent 3   distinct 2   accepted 2   rejected 1   skipped 1\n"))
        #expect(!summary.contains("not sent"))
    }

    @Test func countsAddAndSubtractFieldByField() {
        var left = FleetCounts()
        left.produced = 5
        left.dropped = 1
        var right = FleetCounts()
        right.produced = 2
        right.anomalies = 3
        #expect((left + right) - right == left)
        #expect((left + right).produced == 7 && (left + right).anomalies == 3)
    }

    @Test(
        arguments: [
            (Duration.seconds(2), 2_000_000), (.microseconds(-3), -3), (.nanoseconds(1999), 1),
            (.seconds(Int64.max), Int64.max), (.seconds(Int64.min), Int64.min),
        ] as [(Duration, Int64)])
    func durationsAreCutToMicroseconds(duration: Duration, expected: Int64) {
        #expect(duration.wholeMicroseconds == expected)
    }
}
