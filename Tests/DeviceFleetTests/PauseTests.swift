import DeviceFleet
import Telemetry
import Testing

/// Back-off, `Retry-After`, and which server is next.
@Suite struct PauseTests {
    @Test(arguments: [(1, 500_000), (2, 1_000_000), (3, 2_000_000), (6, 16_000_000), (7, 30_000_000), (64, 30_000_000)])
    func ceilingDoublesUpToTheLongest(failures: Int, expected: Int64) {
        #expect(Backoff.usual.ceilingMicroseconds(failures: failures) == expected)
    }

    @Test func fullJitterFillsTheWholeRangeAndNoMore() {
        var generator = SeededGenerator(seed: 7)
        let delays = (0..<1000).map { _ in Backoff.usual.delayMicroseconds(failures: 3, using: &generator) }
        #expect(delays.allSatisfy { (0...2_000_000).contains($0) })
        #expect(delays.contains { $0 < 200_000 } && delays.contains { $0 > 1_800_000 })
    }

    @Test func theSameSeedWaitsTheSame() {
        let run = { (seed: UInt64) -> [Int64] in
            var generator = SeededGenerator(seed: seed)
            return (1...20).map { Backoff.usual.delayMicroseconds(failures: $0, using: &generator) }
        }
        #expect(run(3) == run(3))
        #expect(run(3) != run(4))
    }

    @Test(
        arguments: [
            ("0", 0), ("7", 7_000_000), (" 7 ", 7_000_000), ("99999999999999999999", 3_600_000_000),
            ("86400", 3_600_000_000), ("Sun, 06 Nov 1994 08:49:37 GMT", 10_000_000),
            ("Sun, 06 Nov 1994 08:49:20 GMT", 0), ("-1", nil), ("", nil), ("soon", nil), ("1.5", nil),
            ("Sun, 06 Foo 1994 08:49:37 GMT", nil), ("Sun, 06 Nov 1994 08:49:37 CET", nil),
            ("Sun, 99 Nov 1994 08:49:37 GMT", nil),
        ] as [(String, Int64?)])
    func retryAfterIsSecondsOrADate(text: String, expected: Int64?) throws {
        let now = try #require(Instant(rfc3339: "1994-11-06T08:49:27Z"))
        #expect(RetryAfter.microseconds(text, now: now) == expected)
    }

    @Test(
        arguments: [
            (202, 5, 1, PostOutcome.answered(accepted: 5, rejected: 1, reason: "r")),
            (200, nil, nil, .answered(accepted: 6, rejected: 0, reason: "r")),
            (202, 99, -3, .answered(accepted: 6, rejected: 0, reason: "r")),
            (400, nil, nil, .refused("400: r")), (413, nil, nil, .refused("413: r")),
            (415, nil, nil, .refused("415: r")),
            (429, nil, nil, .again(reason: "429: r", retryAfterMicroseconds: 9)),
            (503, nil, nil, .again(reason: "503: r", retryAfterMicroseconds: 9)),
            (500, nil, nil, .again(reason: "500: r", retryAfterMicroseconds: nil)),
            (404, nil, nil, .again(reason: "404: r", retryAfterMicroseconds: nil)),
            (301, nil, nil, .again(reason: "301: r", retryAfterMicroseconds: nil)),
        ] as [(Int, Int?, Int?, PostOutcome)])
    func statusDecidesWhatHappensToReadings(status: Int, accepted: Int?, rejected: Int?, expected: PostOutcome) {
        let outcome = PostOutcome(
            status: status, accepted: accepted, rejected: rejected, reason: "r", retryAfterMicroseconds: 9, readings: 6)
        #expect(outcome == expected)
    }

    private let start = Moment(microseconds: 1000)

    @Test func eachSenderAsksItsHomeServerFirst() {
        for home in 0..<7 {
            let rotation = ServerRotation(serversCount: 3, home: home, backoff: .usual, seed: 1)
            #expect(rotation.choose(now: start) == .ask(server: home % 3))
        }
    }

    @Test func aFailureMovesToTheNextServerAtOnceAndHomeAgainLater() {
        var rotation = ServerRotation(serversCount: 2, home: 1, backoff: .usual, seed: 1)
        rotation.failed(server: 1, retryAfterMicroseconds: 5_000_000, now: start)
        #expect(rotation.choose(now: start) == .ask(server: 0))
        rotation.succeeded(server: 0)
        #expect(rotation.choose(now: start.advanced(byMicroseconds: 4_999_999)) == .ask(server: 0))
        #expect(rotation.choose(now: start.advanced(byMicroseconds: 5_000_000)) == .ask(server: 1))
    }

    @Test func withAllServersAwayItWaitsForTheFirstThatMayBeAsked() {
        var rotation = ServerRotation(serversCount: 2, home: 0, backoff: .usual, seed: 1)
        rotation.failed(server: 0, retryAfterMicroseconds: 9_000_000, now: start)
        rotation.failed(server: 1, retryAfterMicroseconds: 3_000_000, now: start)
        #expect(rotation.choose(now: start) == .wait(until: start.advanced(byMicroseconds: 3_000_000)))
    }

    @Test func oneSuccessForgetsAllFailures() {
        var rotation = ServerRotation(serversCount: 1, home: 0, backoff: .usual, seed: 1)
        for _ in 0..<50 { rotation.failed(server: 0, retryAfterMicroseconds: 60_000_000, now: start) }
        rotation.succeeded(server: 0)
        rotation.failed(server: 0, retryAfterMicroseconds: nil, now: start)
        #expect(rotation.choose(now: start.advanced(byMicroseconds: 500_000)) == .ask(server: 0))
    }

    @Test(
        arguments: [
            ("http://h:1", "http://h:1/data"), ("http://h:1/", "http://h:1/data"),
            ("http://h:1/data", "http://h:1/data"),
            ("h:8080", "http://h:8080/data"), ("https://h/x/data/", "https://h/x/data"),
            (" http://[::1]:80 ", "http://[::1]:80/data"),
            ("", nil), ("ftp://h", nil), ("http://", nil), ("http://h:99999", nil), ("http://h?x=1", nil),
        ] as [(String, String?)])
    func serverAddressesAreTakenInTheFormsPeopleUse(text: String, expected: String?) {
        #expect(ServerAddress(text)?.data == expected)
    }

    @Test func aListWithOneBadAddressIsNoList() {
        #expect(ServerAddress.list("http://a:1, http://b:2")?.map(\.base) == ["http://a:1", "http://b:2"])
        #expect(ServerAddress.list("http://a:1,,http://b:2") == nil)
    }
}
