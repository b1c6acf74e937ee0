import DeviceFleet
import Telemetry
import Testing

@Suite struct WaveformTests {
    private static let start = Instant(microseconds: 1_790_000_000_000_000)

    private func values(rate: Double, seed: UInt64, count: Int, secondsApart: Int64 = 60) -> [Double] {
        var waveform = Waveform(profile: .temperature, anomalyRate: rate, seed: seed)
        return (0..<count).map {
            waveform.next(at: Self.start.advanced(byMicroseconds: Int64($0) * secondsApart * 1_000_000))
        }
    }

    @Test func theSeedFixesEveryReading() {
        #expect(values(rate: 0.05, seed: 11, count: 2000) == values(rate: 0.05, seed: 11, count: 2000))
        #expect(values(rate: 0.05, seed: 11, count: 2000) != values(rate: 0.05, seed: 12, count: 2000))
    }

    @Test(arguments: 0..<20 as Range<UInt64>)
    func withoutAnomaliesNothingJumps(seed: UInt64) {
        let all = values(rate: 0, seed: seed, count: 1440 * 2)
        let jumps = zip(all, all.dropFirst()).map { abs($0 - $1) }
        #expect((jumps.max() ?? 0) < 2, "a room does not change by 2 °C in a minute")
        #expect(all.allSatisfy { (8...36).contains($0) })
    }

    @Test func daysAreWarmerThanNights() {
        // The same hours of ten days: noise and wander average out, the daily course stays.
        var day = 0.0
        var night = 0.0
        for seed in 0..<10 as Range<UInt64> {
            var waveform = Waveform(profile: .temperature, anomalyRate: 0, seed: seed)
            for hour in 0..<240 as Range<Int64> {
                let value = waveform.next(at: Instant(microseconds: hour * 3_600_000_000))
                if hour % 24 == 15 { day += value }
                if hour % 24 == 3 { night += value }
            }
        }
        #expect((day - night) / 100 > 2)
    }

    @Test func anomaliesComeAtTheirRateAndShow() {
        var waveform = Waveform(profile: .temperature, anomalyRate: 0.01, seed: 5)
        let all = (0..<50_000 as Range<Int64>).map { waveform.next(at: Instant(microseconds: $0 * 60_000_000)) }
        // A third are single readings, the others last 35 and 70 readings on average: about one start in 135 readings.
        #expect((200...600).contains(waveform.anomaliesCount))
        let jumps = zip(all, all.dropFirst()).map { abs($0 - $1) }
        #expect(jumps.count { $0 > 3.5 } > 100, "spikes and changes of level")
        let runs = zip(all, all.dropFirst()).split { $0.0 != $0.1 }.map(\.count).max() ?? 0
        #expect(runs >= 19, "stuck sensors")
    }

    @Test(arguments: [0.0, 0.5, 1.0])
    func everySensorStaysWithinItsBoundsAndSteps(rate: Double) {
        for profile in SignalProfile.usual {
            var waveform = Waveform(profile: profile, anomalyRate: rate, seed: 3)
            for step in 0..<5000 as Range<Int64> {
                let value = waveform.next(at: Instant(microseconds: step * 1_000_000_000))
                #expect(profile.bounds.contains(value))
                #expect(value == (value * profile.resolution).rounded() / profile.resolution)
            }
        }
    }

    @Test func devicesOfAFleetDiffer() {
        var first = SimulatedDevice(id: DeviceID(unchecked: "a"), index: 0, anomalyRate: 0, seed: 1)
        var second = SimulatedDevice(id: DeviceID(unchecked: "b"), index: 1, anomalyRate: 0, seed: 1)
        #expect(first.message(at: Self.start).values != second.message(at: Self.start).values)
        #expect(first.metrics.map(\.text) == ["temperature", "humidity"])
    }

    @Test(arguments: [
        (0, 1, "device-01"), (9, 10, "device-10"), (0, 99, "device-01"), (0, 100, "device-001"),
        (999, 1000, "device-1000"),
        (6, 1000, "device-0007"),
    ])
    func namesArePaddedToTheWidthOfTheFleet(index: Int, count: Int, expected: String) {
        #expect(SimulatedDevice.name(index: index, of: count) == expected)
    }
}
