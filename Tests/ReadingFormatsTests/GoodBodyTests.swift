import ReadingFormats
import Telemetry
import Testing

struct GoodBodyTests {
    @Test func theContractsExampleGivesItsTwoReadings() throws {
        let body = #"""
            {"device_id":"device-01","timestamp":"2026-11-22T15:04:05Z",
             "metrics":[{"type":"temperature","value":21.5},{"type":"humidity","value":40}]}
            """#
        let parsed = try Bodies.parse(body).get()
        #expect(parsed.rejected == 0)
        #expect(parsed.errors.isEmpty)
        #expect(
            parsed.batch
                == batch([
                    ("device-01", "temperature", Bodies.receivedAt, 21.5),
                    ("device-01", "humidity", Bodies.receivedAt, 40),
                ]))
    }

    @Test(arguments: [
        ("0", 0.0), ("-0", 0), ("-0.0", 0), ("0e5", 0), ("-0e-5", 0), ("1", 1), ("-1.5", -1.5), ("21.5", 21.5),
        ("0.1", 0.1), ("1e3", 1000), ("1E+3", 1000), ("12.5e-3", 0.0125), ("9007199254740993", 9_007_199_254_740_992),
        ("123456789012345678901234", 123_456_789_012_345_678_901_234.0),
        ("-18446744073709551616", -18_446_744_073_709_551_616.0),
        ("3.141592653589793238462643383279", 3.141592653589793), ("0.30000000000000004", 0.30000000000000004),
        ("1.7976931348623157e308", Double.greatestFiniteMagnitude), ("5e-324", Double.leastNonzeroMagnitude),
        ("1e-400", 0), ("-1e-400", 0), ("1e-99999999999999999999999", 0), ("0e99999999999999999999999", 0),
        ("0.000000000000000000000000000001", 1e-30), ("100000000000000000000000e-23", 1),
        ("2.2250738585072014e-308", Double.leastNormalMagnitude),
    ])
    func aNumberIsTheNearestDouble(text: String, value: Double) throws {
        let parsed = try Bodies.parse(Bodies.message(metrics: #"{"type":"t","value":\#(text)}"#)).get()
        #expect(parsed.batch.values.map(\.bitPattern) == [value.bitPattern])
    }

    @Test(arguments: [
        (#""2026-11-22T15:04:05Z""#, 1_795_359_845_000_000 as Int64),
        (#""2026-11-22T16:04:05.123456+01:00""#, 1_795_359_845_123_456),
        (#""2026-11-22T15:09:05Z""#, 1_795_360_145_000_000),  // five minutes ahead to the microsecond
        (#""2000-01-01T00:00:00Z""#, 946_684_800_000_000),
        ("1795359845", 1_795_359_845_000_000), ("1795359845.123456", 1_795_359_845_123_456),
        ("1795359845123", 1_795_359_845_123_000), ("1795359845123.456", 1_795_359_845_123_456),
        ("1.795359845e9", 1_795_359_845_000_000), ("946684800", 946_684_800_000_000),
        ("946684800000", 946_684_800_000_000),
    ])
    func aTimestampIsTextOrSecondsOrMilliseconds(text: String, microseconds: Int64) throws {
        let parsed = try Bodies.parse(Bodies.message(with: #""timestamp":\#(text)"#)).get()
        #expect(parsed.batch.times == [Instant(microseconds: microseconds)])
    }

    @Test(arguments: [
        // Any order of fields.
        #"{"metrics":[{"value":1,"type":"t"}],"timestamp":1795359845,"device_id":"d"}"#,
        // Unknown fields of any shape, at every level; a number beyond any double among them.
        #"{"a":[1e400,{"b":[[],{}]},null,"\ud800"],"device_id":"d","timestamp":1795359845,"#
            + #""metrics":[{"x":true,"type":"t","y":"\u0000","value":1}],"z":{}}"#,
        // The last of two equal fields counts.
        #"{"device_id":7,"device_id":"d","timestamp":"x","timestamp":1795359845,"metrics":[{"type":"a","value":2}],"#
            + #""metrics":[{"type":"","type":"t","value":null,"value":1}]}"#,
        // Escapes in names of fields and in values.
        #"{"device\u005fid":"\u0064","timestamp":1795359845,"metrics":[{"\u0074ype":"\u0074","value":1}]}"#,
        // White space and a byte order mark.
        "\u{FEFF} \r\n\t{ \"device_id\" : \"d\" , \"timestamp\":1795359845,"
            + "\"metrics\" : [ { \"type\" : \"t\" , \"value\" : 1 } ] } \r\n",
    ])
    func everySpellingOfAMessageMeansTheSame(body: String) throws {
        let expected = batch([("d", "t", Bodies.receivedAt, 1)])
        #expect(try Bodies.parse(body).get() == ParsedReadings(batch: expected, rejected: 0, errors: []))
        #expect(try Bodies.parse("[\(body.drop { $0 == "\u{FEFF}" })]").get().batch == expected)
    }

    @Test(arguments: [
        (#""é\u00e9\ud83d\ude00\n""#, nil as String?), (#""é\u00e9\ud83d\ude00\/\"\\""#, #"éé😀/"\"#),
        (#""\u20ac""#, "€"), (#""日本""#, "日本"), (#"" ""#, " "),
    ])
    func namesAreUnescaped(json: String, name: String?) throws {
        let body = #"{"device_id":\#(json),"metrics":[{"type":"t","value":1}]}"#
        let device = try? Bodies.parse(body).get().batch[0].series.device.text
        #expect(device == name)
    }

    @Test func namesThatAreCanonicallyEqualStayTwo() throws {
        let body = ["e\u{301}", "\u{E9}"].map { #"{"device_id":"\#($0)","metrics":[{"type":"t","value":1}]}"# }
        #expect(try Bodies.parse(body.joined(separator: "\n"), as: .ndjson).get().batch.series.count == 2)
    }

    @Test func namesMayBeAsLongAsTheLimits() throws {
        let device = String(repeating: "é", count: 64)
        let metric = String(repeating: "m", count: 64)
        let body = #"{"device_id":"\#(device)","metrics":[{"type":"\#(metric)","value":1}]}"#
        let series = try Bodies.parse(body).get().batch[0].series
        #expect(series.device.text == device && series.metric.text == metric)
    }

    @Test func linesKeepTheirNumbersAndEmptyOnesAreSkipped() throws {
        let good = Bodies.message(metrics: #"{"type":"t","value":1}"#)
        let body = "\n  \t\r\n\(good)\r\n\r\n{broken\n\(good)"
        let parsed = try Bodies.parse(body, as: .ndjson).get()
        #expect(parsed.batch.count == 2)
        #expect(parsed.rejected == 1)
        #expect(parsed.errors.map(\.index) == [4])
    }

    @Test func aNumberBeyondADoubleRejectsThatReadingOnly() throws {
        let metrics =
            #"{"type":"a","value":1},{"type":"b","value":1e400},{"type":"c","value":-1e309},{"type":"d","value":2}"#
        for format in [BodyFormat.json, .ndjson] {
            let parsed = try Bodies.parse(Bodies.message(metrics: metrics), as: format).get()
            #expect(parsed.batch.values == [1, 2])
            #expect(parsed.rejected == 2)
            #expect(parsed.errors.map(\.field) == ["metrics[1].value", "metrics[2].value"])
        }
    }

    @Test func everySeriesStandsOnceInTheBatch() throws {
        let lines = (0..<2000).map {
            #"{"device_id":"d\#($0 % 300)","metrics":[{"type":"m\#($0 % 7)","value":\#($0)}]}"#
        }
        let parsed = try Bodies.parse(lines.joined(separator: "\n"), as: .ndjson).get()
        #expect(Set(parsed.batch.series).count == parsed.batch.series.count)
        #expect(parsed.batch.series.count == 2000)
        for index in 0..<2000 {
            #expect(parsed.batch[index].series.device.text == "d\(index % 300)")
            #expect(parsed.batch[index].series.metric.text == "m\(index % 7)")
            #expect(parsed.batch[index].value == Double(index))
        }
    }

    // MARK: Times of receipt

    @Test func aMessageWithoutATimeGetsOneTimeOfReceipt() throws {
        let body = Bodies.message(metrics: #"{"type":"a","value":1},{"type":"b","value":2}"#)
        let parsed = try Bodies.parse("[\(body),\(Bodies.message(with: #""timestamp":null"#))]").get()
        #expect(parsed.batch.times == [0, 0, 1].map(Bodies.receivedAt.advanced(byMicroseconds:)))
    }

    @Test func aRepeatedMetricGetsALaterTimeOfReceipt() throws {
        let metrics = ["a", "a", "b", "a", "b"].map { #"{"type":"\#($0)","value":1}"# }.joined(separator: ",")
        let parsed = try Bodies.parse(Bodies.message(metrics: metrics)).get()
        #expect(parsed.batch.times == [0, 1, 1, 2, 2].map(Bodies.receivedAt.advanced(byMicroseconds:)))
    }

    @Test func whatIsRefusedUsesUpNoTimeOfReceipt() throws {
        let body = [
            #"{"device_id":"d","metrics":[{"type":"t","value":"x"}]}"#, #"{"device_id":"","metrics":[]}"#,
            #"{"device_id":"d","metrics":[{"type":"t","value":1}]}"#,
        ]
        let parsed = try Bodies.parse(body.joined(separator: "\n"), as: .ndjson).get()
        #expect(parsed.batch.times == [Bodies.receivedAt])
    }

    private func batch(_ readings: [(String, String, Instant, Double)]) -> ReadingBatch {
        ReadingBatch(
            receivedAt: Bodies.receivedAt,
            readings: readings.map { device, metric, time, value in
                let series = Series(device: DeviceID(unchecked: device), metric: Metric(unchecked: metric))
                return Reading(series: series, time: time, value: value)
            })
    }
}
