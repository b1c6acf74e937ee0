import Alerting
import Foundation
import Ports
import Telemetry
import Testing

@Suite struct TextTests {
    @Test(
        arguments: [
            ("*", ["", "a", "temperature"], []),
            ("temp*", ["temp", "temperature"], ["tem", "xtemp"]),
            ("*-7", ["press-7", "-7"], ["press-70", "7"]),
            ("press-*-a", ["press-1-a", "press--a"], ["press-a", "press-1-b"]),
            ("a*b*c", ["abc", "axbxc", "abbcc"], ["acb", "ab"]),
            ("press-7", ["press-7"], ["press-77", "Press-7", ""]),
            ("**", ["", "x"], []),
            ("ü*", ["über"], ["uber"]),
            ("", [""], ["a"]),
            ("ab*ba", ["abba", "abxba"], ["aba"]),
        ])
    func patternsMatchWholeNames(pattern: String, good: [String], bad: [String]) {
        let pattern = GlobPattern(pattern)
        #expect(good.filter { !pattern.matches($0) } == [])
        #expect(bad.filter { pattern.matches($0) } == [])
    }

    /// Against the plain definition.
    @Test func patternsMatchAsDefined() {
        func matches(_ pattern: ArraySlice<Character>, _ name: ArraySlice<Character>) -> Bool {
            guard let first = pattern.first else { return name.isEmpty }
            if first == "*" {
                return (name.startIndex...name.endIndex).contains { matches(pattern.dropFirst(), name[$0...]) }
            }
            return name.first == first && matches(pattern.dropFirst(), name.dropFirst())
        }
        var random = SeededGenerator(seed: 7)
        for _ in 0..<20_000 {
            let pattern = (0..<random.draw(below: 6)).map { _ in Character(["a", "b", "*"][random.draw(below: 3)]) }
            let name = (0..<random.draw(below: 7)).map { _ in Character(["a", "b"][random.draw(below: 2)]) }
            #expect(
                GlobPattern(String(pattern)).matches(String(name)) == matches(pattern[...], name[...]),
                "\(String(pattern)) on \(String(name))")
        }
    }

    @Test(
        arguments: [
            ("90s", 90), ("15m", 900), ("1h", 3_600), ("7d", 604_800), ("3650d", 315_360_000), ("0s", nil), ("1", nil),
            ("h", nil), ("-1h", nil), ("+1h", nil), ("1.5h", nil), ("1w", nil), ("3651d", nil), ("", nil),
            ("99999999999999999999d", nil), ("9223372036854775807s", nil), ("1 h", nil),
        ] as [(String, Int64?)])
    func lengthsOfMutesAreRead(text: String, seconds: Int64?) {
        #expect(Mute.length(text) == seconds.map { $0 * 1_000_000 })
    }

    @Test(
        arguments: [
            (200, nil, .delivered), (202, nil, .delivered), (204, 5, .delivered),
            (400, nil, .givenUp(reason: "answered 400: it does not want this alert")),
            (410, nil, .givenUp(reason: "answered 410: it does not want this alert")),
            (408, nil, .again(reason: "answered 408", after: nil)),
            (429, 7, .again(reason: "answered 429", after: 7)),
            (503, 7, .again(reason: "answered 503", after: 7)),
            (500, 7, .again(reason: "answered 500", after: nil)),
            (100, nil, .again(reason: "answered 100", after: nil)),
        ] as [(Int, Int64?, PostVerdict)])
    func answersMean(status: Int, after: Int64?, verdict: PostVerdict) {
        #expect(PostVerdict(.answered(status: status, retryAfter: after)) == verdict)
    }

    @Test(arguments: [301, 302, 303, 307, 308])
    func redirectsAreFailuresThatSayWhy(status: Int) {
        guard case .again(let reason, nil) = PostVerdict(.answered(status: status, retryAfter: 1)) else {
            Issue.record("\(status) is no failure that is tried again")
            return
        }
        #expect(reason.contains("\(status)") && reason.contains("not followed"))
    }

    @Test func aBodyIsJSONWithEveryMember() throws {
        let bench = AlertBench()
        let tricky = AnomalyEpisode(
            id: "a\"\\/ü\u{1}", kind: .silence,
            series: Series(device: DeviceID(unchecked: "d\""), metric: Metric(unchecked: "t")),
            start: bench.time, peak: bench.time.advanced(byMicroseconds: 1),
            end: bench.time.advanced(byMicroseconds: 2_000_000), score: 0.75, value: 1e300, reason: "line\nend\t",
            model: .none)
        for event in AlertDelivery.Event.allCases {
            let body = AlertBody.bytes(of: Alert(tricky, fate: .told), event, flock: "f", node: "n")
            let object = try #require(try JSONSerialization.jsonObject(with: Data(body)) as? [String: Any])
            #expect(
                Set(object.keys) == [
                    "id", "event", "kind", "device_id", "type", "start", "peak", "end", "score", "value", "reason",
                    "model", "flock", "node",
                ])
            #expect(object["id"] as? String == tricky.id)
            #expect(object["event"] as? String == event.name)
            #expect(object["device_id"] as? String == "d\"")
            #expect(object["reason"] as? String == "line\nend\t")
            #expect(object["value"] as? Double == 1e300)
            #expect(object["score"] as? Double == 0.75)
            #expect(object["start"] as? String == "2026-11-22T15:00:00.000Z")
            #expect(object["peak"] as? String == "2026-11-22T15:00:00.000001Z")
            #expect(object["end"] as? String == (event == .end ? "2026-11-22T15:00:02.000Z" : nil))
        }
    }

    @Test func valuesThatAreNoNumbersAreNull() {
        let bench = AlertBench()
        let odd = AnomalyEpisode(
            id: "i", kind: .anomaly, series: Series(device: DeviceID(unchecked: "d"), metric: Metric(unchecked: "t")),
            start: .epoch,
            peak: .epoch, end: nil, score: .nan, value: -.infinity, reason: "", model: .none)
        let body = BodyText(
            AlertBody.bytes(of: Alert(odd, fate: .told), .start, flock: "", node: bench.core.settings.node))
        #expect(body.has("score", "null") && body.has("value", "null") && body.has("end", "null"))
    }
}
