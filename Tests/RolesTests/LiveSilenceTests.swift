import DataPlane
import HashRing
import LogFormat
import Ports
import Telemetry
import Testing

@testable import Roles

/// Silences in the live feed, from an owner's memory to the events of a stream. Times in seconds.
struct LiveSilenceTests {
    private static let series = Series(device: DeviceID(unchecked: "d"), metric: Metric(unchecked: "m"))

    private static func row(
        _ time: Int64, _ result: ScoreResult = .normal, isSilent: Bool = false
    ) -> LiveReading {
        LiveReading(
            device: series.device,
            metric: LatestMetric(
                metric: series.metric, value: Double(time),
                verdict: Verdict(
                    result: result, score: result == .anomaly ? 0.9 : 0.1, model: ModelID(name: "m", version: 1),
                    isLate: false),
                time: instant(time), isSilent: isSilent))
    }

    private static func instant(_ seconds: Int64) -> Instant { Instant(microseconds: seconds * 1_000_000) }

    private static func call(_ times: [Int64], _ result: ScoreResult = .normal) -> (ScoreCall, VerdictBatch) {
        var call = ScoreCall(origin: LogID(high: 1, low: 1), writer: WriterID(1), number: CallNumber(1))
        let index = call.add(series: [series])
        var verdicts = VerdictBatch()
        for time in times {
            call.append(
                slot: Slot(of: series.device), series: index, time: instant(time), value: Double(time),
                receivedAt: instant(time), position: LogPosition(UInt64(time)))
            verdicts.append(row(time, result).metric.verdict)
        }
        return (call, verdicts)
    }

    private static func note(_ times: [Int64], _ result: ScoreResult = .normal, in feed: inout LiveFeed) {
        let (call, verdicts) = call(times, result)
        feed.note(call, verdicts)
    }

    // MARK: The owner's feed

    @Test func aSilenceAndTheFirstReadingAfterItAreToldThoughOtherReadingsCameSince() {
        var feed = LiveFeed()
        let now = Moment(microseconds: 0)
        let start = feed.changes(since: nil, now: now)
        Self.note([1, 2, 3], in: &feed)
        feed.note(silent: Self.row(3, isSilent: true))
        Self.note([20, 21, 22], in: &feed)
        let reply = feed.changes(since: start.cursor, now: now)
        #expect(reply.readings == [Self.row(3, isSilent: true), Self.row(20), Self.row(22)])
        Self.note([23, 24], in: &feed)
        let next = feed.changes(since: reply.cursor, now: now)
        #expect(next.readings == [Self.row(24)])
    }

    @Test func aSilenceIsNotTheWorstReading() {
        var feed = LiveFeed()
        let now = Moment(microseconds: 0)
        let start = feed.changes(since: nil, now: now)
        Self.note([1], .anomaly, in: &feed)
        Self.note([2], in: &feed)
        let first = feed.changes(since: start.cursor, now: now)
        #expect(first.readings == [Self.row(1, .anomaly), Self.row(2)])
        feed.note(silent: Self.row(2, .anomaly, isSilent: true))
        Self.note([20, 21], in: &feed)
        let reply = feed.changes(since: first.cursor, now: now)
        #expect(reply.readings == [Self.row(2, .anomaly, isSilent: true), Self.row(20), Self.row(21)])
    }

    @Test func somethingLateEndsASilenceThatWasToldAndNoOther() {
        var feed = LiveFeed()
        let now = Moment(microseconds: 0)
        var cursor = feed.changes(since: nil, now: now).cursor
        feed.note(heardAgain: Self.row(3))
        var reply = feed.changes(since: cursor, now: now)
        #expect(reply.readings.isEmpty)
        feed.note(silent: Self.row(3, isSilent: true))
        cursor = feed.changes(since: reply.cursor, now: now).cursor
        feed.note(heardAgain: Self.row(3))
        reply = feed.changes(since: cursor, now: now)
        #expect(reply.readings == [Self.row(3)])
    }

    // MARK: What a stream is told

    @Test func theNewestRowOfASeriesThatFellSilentSaysSo() {
        let rows = [Self.row(2), Self.row(3), Self.row(3, isSilent: true)]
        #expect(Node.newest(of: rows) == [Self.row(3, isSilent: true)])
        #expect(Node.newest(of: rows + [Self.row(20)]) == [Self.row(20)])
        #expect(Node.newest(of: [Self.row(20), Self.row(3, isSilent: true)]) == [Self.row(20)], "another owner's")
    }

    @Test func anEpisodeBeginsWithTheSilenceAndEndsWithTheFirstReading() throws {
        var episodes = LiveEpisodes()
        let now = Self.instant(14)
        var told = episodes.take([Self.row(3), Self.row(3, isSilent: true)], at: now)
        let begun = try #require(told.first)
        #expect(told.count == 1)
        #expect(begun.id == "d/m/silence/3000000")
        #expect(begun.kind == .silence)
        #expect(begun.start == Self.instant(3) && begun.peak == now && begun.end == nil)
        #expect(begun.score == 0.5 && begun.value == 3 && begun.model == .none)
        #expect(begun.reason == "nothing heard since its reading of 1970-01-01T00:00:03.000Z")
        // Told again by a new owner.
        told = episodes.take([Self.row(3, isSilent: true)], at: now)
        #expect(told.isEmpty)
        told = episodes.take([Self.row(20), Self.row(21)], at: now)
        #expect(told.map(\.id) == [begun.id])
        #expect(told.map(\.end) == [Self.instant(20)])
        told = episodes.take([Self.row(22)], at: now)
        #expect(told.isEmpty)
    }

    @Test func beginAndEndInOneBatchAreOneEvent() {
        var episodes = LiveEpisodes()
        let told = episodes.take([Self.row(3, isSilent: true), Self.row(20)], at: Self.instant(21))
        #expect(told.map(\.end) == [Self.instant(20)])
    }

    @Test func somethingLateEndsItAndIsNoReading() {
        var episodes = LiveEpisodes()
        _ = episodes.take([Self.row(3, .anomaly, isSilent: true)], at: Self.instant(14))
        let told = episodes.take([Self.row(3, .anomaly)], at: Self.instant(15))
        #expect(told.map(\.kind) == [.silence])
        #expect(told.map(\.end) == [Self.instant(3)])
    }

    /// Whatever its last verdict was.
    @Test func aSilenceIsNoReading() {
        var episodes = LiveEpisodes()
        var told = episodes.take([Self.row(3, .anomaly)], at: Self.instant(3))
        #expect(told.map(\.kind) == [.anomaly])
        told = episodes.take([Self.row(3, .anomaly, isSilent: true)], at: Self.instant(14))
        #expect(told.map(\.kind) == [.silence])
        told = episodes.take([Self.row(20, .anomaly)], at: Self.instant(20))
        #expect(Set(told.map(\.kind)) == [.anomaly, .silence])
        #expect(told.first { $0.kind == .anomaly }?.end == nil)
        told = episodes.take([Self.row(20, .normal, isSilent: true)], at: Self.instant(31))
        #expect(told.map(\.kind) == [.silence], "it ends no episode of anomalies")
        told = episodes.take([Self.row(40)], at: Self.instant(40))
        #expect(told.map(\.end) == [Self.instant(40), Self.instant(40)])
    }
}
