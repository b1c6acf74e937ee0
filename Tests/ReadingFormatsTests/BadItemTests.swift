import ReadingFormats
import Telemetry
import Testing

/// Messages and readings that are refused one by one, while the rest of the body is accepted.
struct BadItemTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let message: String
        let field: String
        /// What the reason must say.
        let reason: String

        var testDescription: String { "\(field) \(reason): \(message.prefix(60))" }
    }

    private static let long = String(repeating: "x", count: 1_000_000)

    private static func device(_ json: String, _ reason: String) -> Case {
        Case(
            message: #"{"device_id":\#(json),"metrics":[{"type":"t","value":1}]}"#, field: "device_id",
            reason: reason)
    }

    private static func time(_ json: String, _ reason: String) -> Case {
        Case(message: Bodies.message(with: #""timestamp":\#(json)"#), field: "timestamp", reason: reason)
    }

    private static func metrics(_ json: String, _ reason: String) -> Case {
        Case(message: #"{"device_id":"d","metrics":\#(json)}"#, field: "metrics", reason: reason)
    }

    private static func type(_ json: String, _ reason: String) -> Case {
        Case(
            message: Bodies.message(metrics: #"{"type":\#(json),"value":1}"#), field: "metrics[0].type", reason: reason)
    }

    private static func value(_ json: String, _ reason: String) -> Case {
        Case(
            message: Bodies.message(metrics: #"{"type":"t","value":\#(json)}"#), field: "metrics[0].value",
            reason: reason)
    }

    static let cases: [Case] =
        [
            ("42", "not a number"), ("\"text\"", "not a string"), ("null", "not null"), ("true", "not a boolean"),
            ("1e400", "not a number"),
        ].map { Case(message: $0.0, field: "message", reason: "must be a JSON object, \($0.1)") } + [
            Case(message: "{}", field: "device_id", reason: "is missing"),
            Case(message: #"{"metrics":[]}"#, field: "device_id", reason: "is missing"),
            device("null", "must be a string, not null"), device("7", "must be a string, not a number"),
            device("false", "must be a string, not a boolean"), device("[\"d\"]", "must be a string, not an array"),
            device("{}", "must be a string, not an object"), device("\"\"", "is empty"),
            device("\"\(String(repeating: "é", count: 64))x\"", "129 bytes"), device("\"\(long)\"", "1000000 bytes"),
            device(#""a\u0000b""#, "control character"), device(#""a\nb""#, "control character"),
            device(#""\u007f""#, "control character"), device("\"\u{7F}\"", "control character"),
            device(#""\u0085""#, "control character"), device("\"\u{9F}\"", "control character"),
            device(#""\ud800""#, "surrogate"), device(#""\udc00\ud800""#, "surrogate"),
            device(#""\ud83dx""#, "surrogate"), device(#""\ud83d\u0041""#, "surrogate"),
        ] + [
            time("\"yesterday\"", "RFC 3339"), time("\"\"", "RFC 3339"), time("\"2026-11-22\"", "RFC 3339"),
            time("\"2026-11-22T15:04:05\"", "RFC 3339"), time("\"2026-02-30T00:00:00Z\"", "RFC 3339"),
            time("\"1795359845\"", "RFC 3339"), time("true", "not a boolean"), time("[]", "not an array"),
            time("{\"$date\":1}", "not an object"), time(#""\ud800""#, "not a string"),
            time("\"2026-11-22T15:09:05.000001Z\"", "ahead"), time("\"9999-12-31T23:59:59Z\"", "ahead"),
            time("1795360145.000001", "ahead"), time("1e11", "ahead"), time("1e300", "ahead"), time("1e400", "ahead"),
            time("\"1999-12-31T23:59:59.999999Z\"", "before 2000"), time("946684799.999999", "before 2000"),
            time("0", "before 2000"), time("-0", "before 2000"), time("-1e300", "before 2000"),
            time("\"0000-01-01T00:00:00Z\"", "before 2000"),
        ] + [
            Case(message: #"{"device_id":"d"}"#, field: "metrics", reason: "is missing"),
            metrics("null", "not null"), metrics("{}", "not an object"), metrics("\"t\"", "not a string"),
            metrics("5", "not a number"), metrics("[]", "is empty"),
        ] + [
            Case(message: Bodies.message(metrics: "7"), field: "metrics[0]", reason: "must be an object"),
            Case(message: Bodies.message(metrics: "[]"), field: "metrics[0]", reason: "not an array"),
            Case(message: Bodies.message(metrics: "null"), field: "metrics[0]", reason: "not null"),
            Case(message: Bodies.message(metrics: "{}"), field: "metrics[0].value", reason: "is missing"),
            Case(
                message: Bodies.message(metrics: #"{"value":1}"#), field: "metrics[0].type", reason: "is missing"),
            type("null", "not null"), type("1", "not a number"), type("\"\"", "is empty"),
            type("\"\(String(repeating: "m", count: 65))\"", "65 bytes"), type(#""\t""#, "control character"),
            type("\"\(long)\"", "1000000 bytes"), type(#""\udfff""#, "surrogate"),
            value("null", "not null"), value("\"1\"", "not a string"), value("true", "not a boolean"),
            value("[1]", "not an array"), value("{}", "not an object"), value("1e400", "1.8e308"),
            value("-1e400", "1.8e308"), value("1.8e308", "1.8e308"),
            value("1\(long.map { _ in "0" }.joined())", "1.8e308"),
            value("1e99999999999999999999999", "1.8e308"),
        ]

    /// A good message before and one behind it: both are accepted, whatever stands between them.
    @Test(arguments: cases)
    func itIsRefusedAloneAndTold(bad: Case) throws {
        let good = Bodies.message(metrics: #"{"type":"good","value":5}"#)
        let array = Bodies.parse("[\(good),\(bad.message),\(good)]")
        let lines = Bodies.parse("\(good)\n\(bad.message)\n\(good)\n", as: .ndjson)
        #expect(array == lines)
        let parsed = try array.get()
        #expect(parsed.batch.count == 2)
        #expect(parsed.rejected == 1)
        let error = try #require(parsed.errors.first)
        #expect(parsed.errors.count == 1)
        #expect(error.index == 1)
        #expect(error.field == bad.field)
        #expect(error.reason.contains(bad.reason), "\(error.reason)")
    }

    /// Alone it is a 400 that tells the same.
    @Test(arguments: cases)
    func aloneNothingIsAcceptable(bad: Case) throws {
        let result = Bodies.parse(bad.message)
        guard case .failure(.nothingAcceptable(let parsed)) = result else {
            Issue.record("\(result)")
            return
        }
        #expect(parsed.batch.isEmpty)
        #expect(parsed.rejected == 1)
        #expect(parsed.errors.map(\.field) == [bad.field])
        #expect(Bodies.parse(bad.message, as: .ndjson) == result)
    }

    @Test func anArrayOnALineIsNoMessage() throws {
        let good = Bodies.message(metrics: #"{"type":"t","value":5}"#)
        let parsed = try Bodies.parse("[\(good)]\n\(good)", as: .ndjson).get()
        #expect(parsed.batch.count == 1)
        #expect(parsed.errors.map(\.reason) == ["must be a JSON object, not an array"])
    }

    @Test func aBadMessageCountsOneAndItsBadMetricsAreNotTold() throws {
        let body = [
            #"{"device_id":"","metrics":[{"type":"a","value":1},{"type":"b","value":"x"}]}"#,
            #"{"device_id":"d","metrics":[{"type":"a","value":1},{"type":"b","value":"x"},{"type":"","value":2}]}"#,
        ]
        let parsed = try Bodies.parse("[\(body.joined(separator: ","))]").get()
        #expect(parsed.batch.count == 1)
        #expect(parsed.rejected == 3)
        #expect(parsed.errors.map(\.index) == [0, 1, 1])
        #expect(parsed.errors.map(\.field) == ["device_id", "metrics[1].value", "metrics[2].type"])
    }

    @Test func theFirstHundredErrorsAreToldAndAllAreCounted() throws {
        let bad = Array(repeating: "{}", count: 250) + [Bodies.message(metrics: #"{"type":"t","value":1}"#)]
        let parsed = try Bodies.parse(bad.joined(separator: "\n"), as: .ndjson).get()
        #expect(parsed.rejected == 250)
        #expect(parsed.errors.map(\.index) == Array(0..<ParsedReadings.errorsCountMax))
    }
}
