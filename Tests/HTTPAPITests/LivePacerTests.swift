import HTTPAPI
import Ports
import Telemetry
import Testing

/// Four events a second and series, whatever the node says how often.
@Suite struct LivePacerTests {
    private static func batch(at milliseconds: Int64, _ readings: [LiveReading]) -> LiveBatch {
        LiveBatch(
            time: FakeNode.start.advanced(byMicroseconds: milliseconds * 1_000), readings: readings, anomalies: [])
    }

    @Test func batchesAGapApartPassAsTheyAre() {
        var pacer = LivePacer(LiveFilter())
        for step in 0..<10 {
            let readings = [LiveReading("b", "t", Double(step)), LiveReading("a", "t", Double(step))]
            #expect(pacer.pass(Self.batch(at: Int64(step) * 250, readings)) == readings)
        }
    }

    @Test func whatComesTooSoonIsHeldAndTheNewestGoesOut() {
        var pacer = LivePacer(LiveFilter())
        #expect(pacer.pass(Self.batch(at: 0, [LiveReading("a", "t", 0)])).count == 1)
        #expect(pacer.pass(Self.batch(at: 100, [LiveReading("a", "t", 1)])) == [])
        let other = LiveReading("b", "t", 7)
        #expect(pacer.pass(Self.batch(at: 200, [LiveReading("a", "t", 2), other])) == [other])
        #expect(pacer.pass(Self.batch(at: 249, [])) == [])
        #expect(pacer.pass(Self.batch(at: 250, [])) == [LiveReading("a", "t", 2)])
        #expect(pacer.pass(Self.batch(at: 1_000, [])) == [])
    }

    @Test(arguments: 0..<20)
    func noSeriesIsToldTooOftenAndEachIsToldItsLast(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var pacer = LivePacer(LiveFilter())
        var time: Int64 = 0
        var newest: [Series: LiveReading] = [:]
        var toldAt: [Series: Int64] = [:]
        var told: [Series: LiveReading] = [:]
        func step(_ readings: [LiveReading]) {
            for reading in pacer.pass(Self.batch(at: time, readings)) {
                if let last = toldAt[reading.series] { #expect(time - last >= 250) }
                toldAt[reading.series] = time
                told[reading.series] = reading
            }
        }
        for round in 0..<300 {
            time += Int64.random(in: 1...400, using: &random)
            let names = ["a", "b", "c", "d"].filter { _ in Bool.random(using: &random) }
            let readings = names.map { LiveReading($0, "t", Double(round)) }
            for reading in readings { newest[reading.series] = reading }
            step(readings)
        }
        time += 250
        step([])
        #expect(told == newest)
    }

    @Test func whatNobodyAskedForIsNotHeldEither() {
        var filter = LiveFilter()
        filter.device = DeviceID(unchecked: "a")
        var pacer = LivePacer(filter)
        for time in [0, 100, 200, 300] as [Int64] {
            let passed = pacer.pass(Self.batch(at: time, [LiveReading("b", "t", 1)]))
            #expect(passed == [])
        }
    }

    @Test func filtersLookAtDeviceTypeAndResult() {
        let reading = LiveReading("a", "t", 1, .learning)
        let episode = AnomalyEpisode("a", "t")
        for (device, metric, result, isWanted, isTold) in [
            (nil, nil, nil, true, true), ("a", "t", .learning, true, false), ("b", nil, nil, false, false),
            (nil, "u", nil, false, false), (nil, nil, .anomaly, false, true), ("a", "t", .normal, false, false),
        ] as [(String?, String?, ScoreResult?, Bool, Bool)] {
            var filter = LiveFilter()
            filter.device = device.map { DeviceID(unchecked: $0) }
            filter.metric = metric.map { Metric(unchecked: $0) }
            filter.result = result
            #expect(filter.accepts(reading) == isWanted, "\(filter)")
            #expect(filter.accepts(episode) == isTold, "\(filter)")
        }
    }

    @Test(
        arguments: [
            ("2026-11-22T15:04:00.000Z", "2026-11-22T15:04:00.000Z"),
            ("2026-11-22T15:04:00.250001Z", "2026-11-22T15:04:00.250001Z"),
            // Of a node whose clock is ahead.
            ("2027-01-01T00:00:00Z", "2026-11-22T15:04:05.000Z"),
            ("", "1970-01-01T00:00:00.000Z"), ("42\u{0}x", "1970-01-01T00:00:00.000Z"),
        ])
    func aClientIsTakenUpAtTheTimeOfItsLastEvent(lastEventID: String, id: String) {
        let resync = Resync(lastEventID: lastEventID, now: FakeNode.start)
        #expect(resync.id.description == id)
        #expect(resync.since == resync.id.advanced(byMicroseconds: -Resync.overlapMicroseconds))
    }
}

extension LiveReading {
    init(_ device: String, _ type: String, _ value: Double, _ result: ScoreResult = .normal) {
        self.init(device: DeviceID(unchecked: device), metric: LatestMetric(type, value, result))
    }
}

extension AnomalyEpisode {
    init(_ device: String, _ type: String) {
        self.init(
            id: "e", kind: .anomaly,
            series: Series(device: DeviceID(unchecked: device), metric: Metric(unchecked: type)), start: FakeNode.start,
            peak: FakeNode.start, end: nil, score: 0.75, value: 99, reason: "far off",
            model: ModelID(name: "forest", version: 3))
    }
}
