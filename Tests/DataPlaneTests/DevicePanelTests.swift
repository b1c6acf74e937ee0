import DataPlane
import Detection
import HashRing
import Ports
import Telemetry
import Testing

/// Devices with several metrics, at their owner.
@Suite struct DevicePanelTests {
    static let metrics = ["flow", "pressure", "vibration"].map { Metric(unchecked: $0) }
    static let device = SlotBench.device

    /// A pump: pressure and flow go together, vibration by itself.
    struct Pump {
        var generator = SeededGenerator(seed: 1)
        var index = 0

        mutating func row(broken: Bool = false) -> [Double] {
            index += 1
            let load = gaussian()
            let pressure = broken ? -load : load
            return [10 + load + 0.1 * gaussian(), 5 + pressure + 0.1 * gaussian(), 1 + 0.2 * gaussian()]
        }

        private mutating func gaussian() -> Double {
            (0..<12).reduce(-6) { sum, _ in sum + generator.drawUnit() }
        }
    }

    /// One owner that hears rows, one reading a metric.
    struct Bench {
        var core: SlotBench
        var position: UInt64 = 0
        var pump = Pump()

        init(_ name: String = "n0") {
            core = SlotBench(name)
            for metric in metrics {
                var trainer = DetectorTrainer()
                var pump = Pump()
                let place = metrics.firstIndex(of: metric) ?? 0
                for index in 0..<DetectorTrainer.readingsCount {
                    let series = Series(device: device, metric: metric)
                    trainer.append(
                        pump.row()[place], at: Instant(microseconds: Int64(index) * 1_000_000), series: series)
                }
                core.models.activate(.detector(trainer.train(name: metric.text, version: 1, seed: 1)), for: metric)
            }
        }

        mutating func open(_ rows: [LatestRow] = []) {
            core.handle(.owned(from: nil))
            core.handle(.warmed(rows, []))
        }

        /// - Parameter values: nil where a metric is not reported.
        mutating func send(_ values: [Double?], at second: Int) -> [Verdict] {
            var call = ScoreCall(origin: SlotBench.origin, writer: WriterID(1), number: CallNumber(position + 1))
            for (metric, value) in zip(metrics, values) {
                guard let value else { continue }
                let index = call.add(series: [Series(device: device, metric: metric)])
                call.append(
                    slot: SlotBench.slot, series: index, time: Instant(microseconds: Int64(second) * 1_000_000),
                    value: value, receivedAt: Instant(microseconds: Int64(second) * 1_000_000 + 1),
                    position: LogPosition(position))
                position += 1
            }
            return SlotBench.verdicts(core.handle(.score(SlotCore.Ticket(position), call, call.parts[0])))
        }

        mutating func live(_ seconds: Range<Int>, broken: Bool = false) -> [Verdict] {
            seconds.flatMap { send(pump.row(broken: broken), at: $0) }
        }
    }

    @Test func metricsThatNoLongerGoTogetherAreAnAnomalyOfTheDevice() throws {
        var bench = Bench()
        bench.open()
        let clean = bench.live(1..<1_500)
        #expect(clean.allSatisfy { $0.model != DevicePanel.model })
        let broken = bench.live(1_500..<1_600, broken: true)
        let found = broken.filter { $0.model == DevicePanel.model }
        #expect(found.count > 20, "\(found.count)")
        #expect(found.allSatisfy { $0.result == .anomaly && $0.score > 0.5 })
        #expect(found.contains { $0.reason == "flow and pressure disagree" }, "\(Set(found.compactMap(\.reason)))")
        // Only the reading that completes a row speaks for all of them, and the latest row shows it.
        #expect(broken.enumerated().allSatisfy { $0.offset % 3 == 2 || $0.element.model != DevicePanel.model })
        let last = Series(device: Self.device, metric: Self.metrics[2])
        #expect(bench.core.core.series?[last]?.verdict == broken.last)
    }

    /// What was learned goes to the next owner, and into the store's row and back.
    @Test func whatWasLearnedGoesWhereTheDeviceGoes() throws {
        var still = Bench("n0")
        still.open()
        _ = still.live(1..<600)
        var first = still
        let gift = try SlotBench.sent(first.core.pull(by: Owner(name: "n1", incarnation: 1)))
        var second = Bench("n1")
        second.core.handle(.owned(from: first.core.me))
        second.core.handle(.pulled(gift, from: first.core.me))
        second.core.handle(.warmed([], []))
        (second.pump, second.position) = (first.pump, first.position)
        let expected = still.live(600..<700, broken: true)
        #expect(second.live(600..<700, broken: true) == expected)
        #expect(expected.contains { $0.model == DevicePanel.model })

        var again = still
        let rows = again.core.core.takeChanged(atMost: 10)
        #expect(rows.count == 3 && rows.count { $0.state.count > 1_300 } == 1)
        var third = Bench("n2")
        third.open(rows)
        (third.pump, third.position) = (still.pump, still.position)
        #expect(third.live(700..<750, broken: true) == still.live(700..<750, broken: true))
    }

    @Test func aDeviceWhoseMetricsComeApartIsLeftToItsSeries() {
        var bench = Bench()
        bench.open()
        for second in 1..<2_000 {
            var row: [Double?] = [nil, nil, nil]
            row[second % 3] = bench.pump.row()[second % 3]
            let verdicts = bench.send(row, at: second)
            #expect(verdicts.count == 1 && verdicts[0].model != DevicePanel.model)
        }
        let panels = bench.core.core.series?.values.compactMap(\.panel) ?? []
        #expect(panels.count == 1 && panels[0].watch == nil)
    }

    /// Now and then a metric is missing, or a row comes late: nothing is thrown off by it.
    @Test func missingAndLateReadingsPass() {
        var bench = Bench()
        bench.open()
        _ = bench.live(1..<600)
        var alarms = 0
        for second in 600..<1_600 {
            let row = bench.pump.row()
            let isMissing = second % 7 == 3
            let verdicts = bench.send([row[0], isMissing ? nil : row[1], row[2]], at: second)
            alarms += verdicts.count { $0.model == DevicePanel.model }
            if second % 50 == 0 {
                let late = bench.send([99, -99, 99], at: second - 20)
                #expect(late.allSatisfy { $0.isLate && $0.model != DevicePanel.model })
            }
        }
        #expect(alarms == 0)
    }

    @Test(arguments: [1, 2, 3] as [UInt64]) func brokenBytesAreNoPanel(seed: UInt64) throws {
        var bench = Bench()
        bench.open()
        _ = bench.live(1..<500)
        let rows = bench.core.core.takeChanged(atMost: 10)
        let row = try #require(rows.max { $0.state.count < $1.state.count })
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<300 {
            var bytes = row.state
            for _ in 0...generator.draw(below: 3) {
                bytes[generator.draw(below: bytes.count)] = UInt8(truncatingIfNeeded: generator.next())
            }
            if generator.draw(below: 4) == 0 { bytes.removeLast(generator.draw(below: bytes.count)) }
            let damaged = LatestRow(
                series: row.series, time: row.time, value: row.value, verdict: row.verdict, lastHeard: row.lastHeard,
                usualInterval: row.usualInterval, state: bytes)
            var again = Bench()
            again.open(rows.filter { $0.series != row.series } + [damaged])
            again.position = bench.position
            for verdict in again.live(600..<610) { #expect((0...1).contains(verdict.score)) }
        }
    }
}
