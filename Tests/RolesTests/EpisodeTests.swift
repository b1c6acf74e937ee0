import Ports
import Roles
import Telemetry
import Testing

struct EpisodeTests {
    private static let series = Series(
        device: DeviceID(unchecked: "d"), metric: Metric(unchecked: "m"))

    private static func row(_ time: Int64, score: Double = 0.8, normalAfter: Int64?) -> AnomalyRow {
        AnomalyRow(
            series: series, time: Instant(microseconds: time), value: Double(time), score: score,
            model: ModelID(name: "m", version: 1), normalAfter: normalAfter.map { Instant(microseconds: $0) })
    }

    @Test func aRunOfAnomaliesIsOneEpisodeWithItsPeakAndItsEnd() throws {
        let rows = [
            Self.row(30, score: 0.7, normalAfter: 40), Self.row(20, score: 0.9, normalAfter: 40),
            Self.row(10, normalAfter: 40),
        ]
        let episodes = AnomalyEpisode.episodes(of: rows)
        let episode = try #require(episodes.first)
        #expect(episodes.count == 1)
        #expect(episode.start == Instant(microseconds: 10))
        #expect(episode.peak == Instant(microseconds: 20))
        #expect(episode.end == Instant(microseconds: 40))
        #expect(episode.value == 20)
    }

    @Test func aNormalReadingBetweenMakesTwo() {
        let rows = [Self.row(30, normalAfter: nil), Self.row(10, normalAfter: 20)]
        let episodes = AnomalyEpisode.episodes(of: rows)
        #expect(episodes.map(\.start.microseconds) == [30, 10])
        #expect(episodes.map { $0.end?.microseconds } == [nil, 20])
    }

    @Test func anHourWithoutReadingsMakesTwo() {
        let rows = [Self.row(10 + AnomalyEpisode.gapMax + 1, normalAfter: nil), Self.row(10, normalAfter: nil)]
        #expect(AnomalyEpisode.episodes(of: rows).count == 2)
    }
}
