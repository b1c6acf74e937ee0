import DataPlane
import Detection
import HashRing
import LogFormat
import Ports
import Telemetry
import Testing

@testable import Roles

/// Where next readings are expected, from an owner's memory to the wire.
struct ExpectedRangeTests {
    private static let series = Series(device: DeviceID(unchecked: "d"), metric: Metric(unchecked: "m"))
    private static let now = Instant(microseconds: 1_800_000_000_000_000)

    private static func row(_ time: Instant = now, _ result: ScoreResult = .normal) -> LiveReading {
        LiveReading(
            device: series.device,
            metric: LatestMetric(
                metric: series.metric, value: 20,
                verdict: Verdict(
                    result: result, score: result == .anomaly ? 0.9 : 0.1, model: ModelID(name: "m", version: 1),
                    isLate: false),
                time: time, isSilent: false))
    }

    private static func row(expecting expected: ClosedRange<Double>?) -> LiveReading {
        var row = row()
        row.metric.expected = expected
        return row
    }

    private static func reply(_ expected: [ClosedRange<Double>?]) -> LatestReply {
        let metrics = expected.map { row(expecting: $0).metric }
        return LatestReply(
            devices: [LatestDevice(device: series.device, time: now, isSilent: false, metrics: metrics)],
            warm: SlotSet(), version: 7, validFor: 1)
    }

    private static func bytes(_ encode: (inout ByteWriter) throws -> Void) rethrows -> [UInt8] {
        var writer = ByteWriter()
        try encode(&writer)
        return writer.withUnsafeBytes { Array($0) }
    }

    private static func bytes(_ reply: LatestReply) throws -> [UInt8] {
        try bytes { try reply.encode(into: &$0) }
    }

    private static func bytes(_ reply: LiveReply) throws -> [UInt8] {
        try bytes { try reply.encode(into: &$0) }
    }

    // MARK: The wire

    @Test func itComesThrough() throws {
        let ranges: [ClosedRange<Double>?] = [
            nil, -1.5...2.25, 0...0, -.greatestFiniteMagnitude ... .greatestFiniteMagnitude,
        ]
        let reply = Self.reply(ranges)
        let latest = try ByteReader.read(all: try Self.bytes(reply)) { (reader) throws(FormatError) in
            try LatestReply(decoding: &reader)
        }
        #expect(latest == reply)
        let changes = LiveReply(cursor: 9, readings: ranges.map { Self.row(expecting: $0) })
        let live = try ByteReader.read(all: try Self.bytes(changes)) { (reader) throws(FormatError) in
            try LiveReply(decoding: &reader)
        }
        #expect(live == changes)
    }

    @Test(arguments: [
        (Double.nan, 1.0), (1, .nan), (-.infinity, 1), (1, .infinity), (1.5, 1), (.infinity, -.infinity), (.nan, .nan),
        (1, -.greatestFiniteMagnitude),
    ])
    func whatIsNoRangeIsAnErrorAndNoTrap(lower: Double, upper: Double) throws {
        let end = Self.bytes { writer in
            writer.write(lower)
            writer.write(upper)
        }
        let live = try Self.bytes(LiveReply(cursor: 1, readings: [Self.row(expecting: 1...2)])).dropLast(16) + end
        #expect(throws: FormatError.invalid(what: "range")) {
            try ByteReader.read(all: Array(live)) { (reader) throws(FormatError) in try LiveReply(decoding: &reader) }
        }
        let latest = try Self.bytes(Self.reply([1...2])).dropLast(16) + end
        #expect(throws: FormatError.invalid(what: "range")) {
            try ByteReader.read(all: Array(latest)) { (reader) throws(FormatError) in
                try LatestReply(decoding: &reader)
            }
        }
    }

    /// An earlier version wrote rows alone, and reads no further than rows.
    @Test func earlierVersionsAreUnderstood() throws {
        let reply = Self.reply([1...2, nil])
        let latest = try ByteReader.read(all: Array(try Self.bytes(reply).dropLast(18))) {
            (reader) throws(FormatError) in try LatestReply(decoding: &reader)
        }
        #expect(latest.devices.flatMap(\.metrics).map(\.expected) == [nil, nil])
        #expect(latest.devices.flatMap(\.metrics).map(\.value) == reply.devices.flatMap(\.metrics).map(\.value))
        let rows = [Self.row(expecting: 1...2), Self.row()]
        let live = try ByteReader.read(all: Array(try Self.bytes(LiveReply(cursor: 1, readings: rows)).dropLast(18))) {
            (reader) throws(FormatError) in try LiveReply(decoding: &reader)
        }
        #expect(live.readings.map(\.metric.value) == rows.map(\.metric.value))
        #expect(live.readings.map(\.metric.expected) == [nil, nil])
    }

    @Test func whatIsCutOrBrokenAnywhereNeverTraps() throws {
        let latest = try Self.bytes(Self.reply([1...2, nil]))
        let live = try Self.bytes(LiveReply(cursor: 1, readings: [Self.row(expecting: 1...2), Self.row()]))
        // One byte for each range, and two numbers: without them it is a whole reply of an earlier version.
        for count in live.indices where count != live.count - 18 {
            let cut = Array(live[..<count])
            #expect(throws: FormatError.self) {
                try ByteReader.read(all: cut) { (reader) throws(FormatError) in try LiveReply(decoding: &reader) }
            }
        }
        var generator = SeededGenerator(seed: 1)
        for bytes in [latest, live] {
            for _ in 0..<20_000 {
                var bytes = bytes
                for _ in 0..<2 {
                    bytes[Int(generator.drawUnit() * Double(bytes.count))] = UInt8(generator.drawUnit() * 256)
                }
                _ = try? ByteReader.read(all: bytes) { (reader) throws(FormatError) in
                    try LatestReply(decoding: &reader)
                }
                _ = try? ByteReader.read(all: bytes) { (reader) throws(FormatError) in
                    try LiveReply(decoding: &reader)
                }
            }
        }
    }

    // MARK: The owner's memory

    private static func models() throws -> ModelRegistry {
        let world = try #require(MetricWorld(center: 20, halfSpan: 5, typicalDeviation: 1))
        let detector = Detector(
            id: ModelID(name: "m", version: 1), world: world, familiarity: nil, readingsCount: 0)
        var models = ModelRegistry()
        _ = models.activate(.detector(detector), for: series.metric)
        return models
    }

    /// A reading a second, the last one heard so long ago.
    private static func state(readings count: Int, heard microsecondsAgo: Int64 = 0) -> SeriesState {
        var detector = DetectorState()
        for index in 0..<count {
            let time = now.advanced(byMicroseconds: Int64(index - count + 1) * 1_000_000 - microsecondsAgo)
            detector.learn(20 + Double(index % 3), at: time)
        }
        let last = now.advanced(byMicroseconds: -microsecondsAgo)
        return SeriesState(
            LatestRow(
                series: series, time: last, value: 20, verdict: .learning, lastHeard: last, usualInterval: 1_000_000,
                state: detector.encoded()))
    }

    private static func expected(_ state: SeriesState, _ models: ModelRegistry) -> ClosedRange<Double>? {
        let builder = LatestBuilder(
            query: LatestQuery(), now: now, inactiveAfter: 60_000_000, models: models)
        return builder.rows(from: [[series: state]]).devices.first?.metrics.first?.expected
    }

    @Test func aWarmSeriesHasOneAndNoOther() throws {
        let models = try Self.models()
        let range = try #require(Self.expected(Self.state(readings: 100), models))
        #expect((20...22).allSatisfy { range.contains(Double($0)) })
        #expect(range.lowerBound > 10 && range.upperBound < 32)
        #expect(Self.expected(Self.state(readings: 3), models) == nil, "too young")
        #expect(Self.expected(Self.state(readings: 100, heard: 20_000_000), models) == nil, "silent")
        #expect(Self.expected(Self.state(readings: 100), ModelRegistry()) == nil, "without a model")
    }

    @Test func onlyTheNewestRowOfASeriesSaysIt() {
        var feed = LiveFeed()
        let now = Moment(microseconds: 0)
        let cursor = feed.changes(since: nil, now: now).cursor
        let times = (0..<4).map { Self.now.advanced(byMicroseconds: $0 * 1_000_000) }
        let (call, verdicts) = Self.call(times, worst: 1)
        feed.note(call, verdicts)
        var asked: [Instant] = []
        let reply = feed.changes(since: cursor, now: now) { reading in
            asked.append(reading.metric.time)
            return 1...2
        }
        #expect(asked == [times[3]])
        #expect(reply.readings.map(\.metric.time) == [times[1], times[3]])
        #expect(reply.readings.map(\.metric.expected) == [nil, 1...2])

        var silent = Self.row(times[3])
        silent.metric = LatestMetric(
            metric: silent.metric.metric, value: 20, verdict: silent.metric.verdict, time: times[3], isSilent: true)
        feed.note(silent: silent)
        let next = feed.changes(since: reply.cursor, now: now) { _ in 1...2 }
        #expect(next.readings == [silent], "whose next reading is late already")
    }

    private static func call(_ times: [Instant], worst: Int) -> (ScoreCall, VerdictBatch) {
        var call = ScoreCall(origin: LogID(high: 1, low: 1), writer: WriterID(1), number: CallNumber(1))
        let index = call.add(series: [series])
        var verdicts = VerdictBatch()
        for (place, time) in times.enumerated() {
            call.append(
                slot: Slot(of: series.device), series: index, time: time, value: 20, receivedAt: time,
                position: LogPosition(UInt64(place)))
            verdicts.append(row(time, place == worst ? .anomaly : .normal).metric.verdict)
        }
        return (call, verdicts)
    }
}
