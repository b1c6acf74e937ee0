import Ports
import Pruning
import Telemetry
import Testing

@testable import Roles

/// Silences as `/anomalies` tells them. Times in seconds.
struct SilenceEpisodeTests {
    private static let series = Series(device: DeviceID(unchecked: "d"), metric: Metric(unchecked: "m"))

    private static func instant(_ seconds: Int64) -> Instant { Instant(microseconds: seconds * 1_000_000) }

    private static func silence(
        _ start: Int64, noticed: Int64, end: Int64?, every interval: Int64 = 5
    ) -> Silence {
        Silence(
            series: series, start: instant(start), noticed: instant(noticed), end: end.map(instant), value: 7,
            usualInterval: interval * 1_000_000)
    }

    @Test(
        arguments: [
            // Noticed, end, now, usual interval; score, and for how long.
            (115, nil, 115, 5, 0.5, "15 s"), (115, nil, 122, 5, 22.0 / 30, "22 s"), (115, nil, 300, 5, 1, "3 min 20 s"),
            (115, 130, 1_000, 5, 1, "30 s"), (115, 116, 1_000, 5, 16.0 / 30, "16 s"),
            // Ended by something late.
            (115, 100, 1_000, 5, 0.5, "15 s"),
            // The device's clock is an hour behind, or ahead.
            (3_715, nil, 3_720, 5, 20.0 / 30, "20 s"), (-3_500, nil, -3_495, 5, 20.0 / 30, "20 s"),
            (110, nil, 110, 0, 0.5, "10 s"), (110, nil, 115, 1, 0.75, "15 s"),
        ] as [(Int64, Int64?, Int64, Int64, Double, String)])
    func itSaysForHowLongNothingWasHeard(
        noticed: Int64, end: Int64?, now: Int64, interval: Int64, score: Double, length: String
    ) {
        let silence = Self.silence(100, noticed: noticed, end: end, every: interval)
        let episode = AnomalyEpisode(silence, at: Self.instant(now))
        #expect(episode.id == "d/m/silence/100000000")
        #expect(episode.kind == .silence && episode.model == .none && episode.value == 7)
        #expect(episode.start == Self.instant(100) && episode.end == end.map(Self.instant))
        #expect(episode.start <= episode.peak && episode.peak <= episode.end ?? .distantFuture)
        #expect(abs(episode.score - score) < 1e-9)
        let rhythm =
            interval > 0 ? ": it usually reports every \(interval) s" : "; how often it reports is not known yet"
        #expect(episode.reason == "nothing heard for \(length)\(rhythm)")
    }

    @Test func aStoreMaySayAnything() {
        for microseconds in [.min, -1, 0, .max] as [Int64] {
            let silence = Silence(
                series: Self.series, start: Instant(microseconds: microseconds),
                noticed: Instant(microseconds: -(microseconds / 2)), end: nil, value: 0, usualInterval: microseconds)
            for now in [Instant.distantPast, .epoch, .distantFuture] {
                let episode = AnomalyEpisode(silence, at: now)
                #expect((0.5...1).contains(episode.score))
            }
        }
    }

    @Test func theLatestStartComesFirstWhateverItsKind() {
        let rows = [10, 30].map { time in
            AnomalyRow(
                series: Self.series, time: Self.instant(time), value: 1, score: 0.8, model: .none,
                normalAfter: Self.instant(time + 1))
        }
        let anomalies = AnomalyEpisode.episodes(of: rows.reversed())
        let silences = [40, 20, 5].map { Self.silence($0, noticed: $0 + 10, end: nil) }
        let all = AnomalyEpisode.newest(of: anomalies, silences, limit: 4, at: Self.instant(50))
        #expect(all.map(\.start) == [40, 30, 20, 10].map(Self.instant))
        #expect(all.map(\.kind) == [.silence, .anomaly, .silence, .anomaly])
    }

    @Test(
        arguments: [
            (0, "0 ms"), (-5, "0 ms"), (200_000, "200 ms"), (1_000_000, "1 s"), (1_550_000, "1.5 s"),
            (9_960_000, "9.9 s"),
            (10_900_000, "10 s"), (60_000_000, "1 min"), (200_000_000, "3 min 20 s"), (3_600_000_000, "1 h"),
            (3_605_000_000, "1 h"), (5_400_000_000, "1 h 30 min"), (90_000_000_000, "1 d 1 h"),
            (864_000_000_000, "10 d"),
        ] as [(Int64, String)])
    func spansAreSaidInTwoUnits(microseconds: Int64, text: String) {
        #expect(SpanText(microseconds: microseconds).description == text)
    }
}
