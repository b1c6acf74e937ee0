import ReadingFormats
import Telemetry
import Testing

/// What must hold for any messages at all, drawn from seeds.
struct FormatPropertyTests {
    /// One list of messages in every form gives the same readings, the same errors and the same times of receipt.
    @Test(arguments: 1...40 as ClosedRange<UInt64>)
    func linesAndArrayAndSingleMessagesAgree(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let messages = (0..<(1 + generator.draw(below: 40))).map { _ in Drawn.message(using: &generator) }
        let good = Bodies.message(metrics: #"{"type":"t","value":1}"#)
        let all = [good] + messages
        let lines = try Bodies.parse(all.joined(separator: "\n"), as: .ndjson).get()
        #expect(try Bodies.parse("[" + all.joined(separator: ",") + "]").get() == lines)

        var readings: [Reading] = []
        var rejected = 0
        var errors: [ItemError] = []
        var receipts = Receipts()
        for (index, message) in all.enumerated() {
            let parsed = receipts.parse(message)
            readings += parsed.batch.readings
            rejected += parsed.rejected
            errors += parsed.errors.map { ItemError(index: index, field: $0.field, reason: $0.reason) }
        }
        #expect(lines.batch == ReadingBatch(receivedAt: Bodies.receivedAt, readings: readings))
        #expect(lines.rejected == rejected)
        #expect(lines.errors == Array(errors.prefix(ParsedReadings.errorsCountMax)))
    }

    /// Readings written as JSON and parsed again are the same to the last bit.
    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func readingsSurviveTheRoundTrip(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let readings = (0..<200).map { _ in Drawn.reading(using: &generator) }
        let lines = readings.map { reading in
            #"{"timestamp":"\#(reading.time)","metrics":[{"value":\#(reading.value),"type":"#
                + Drawn.quoted(reading.series.metric.text, using: &generator)
                + #"}],"device_id":\#(Drawn.quoted(reading.series.device.text, using: &generator))}"#
        }
        let parsed = try Bodies.parse(lines.joined(separator: "\n"), as: .ndjson).get()
        #expect(parsed.batch == ReadingBatch(receivedAt: Bodies.receivedAt, readings: readings))
        #expect(parsed.rejected == 0)
    }

    /// Any double that Swift prints is read back to the bit.
    @Test func everyDoubleIsReadBack() throws {
        var generator = SeededGenerator(seed: 7)
        let values = (0..<5000).map { _ in Drawn.value(using: &generator) }
        let metrics = values.map { #"{"type":"t","value":\#($0)}"# }.joined(separator: ",")
        let parsed = try Bodies.parse(Bodies.message(metrics: metrics)).get()
        #expect(parsed.batch.values.map(\.bitPattern) == values.map(\.bitPattern))
    }

    /// Decimals of every length, against the standard library's own reading of them.
    @Test func everyDecimalIsTheNearestDouble() throws {
        var generator = SeededGenerator(seed: 8)
        let texts = (0..<5000).map { _ in Drawn.decimal(using: &generator) }
        let metrics = texts.map { #"{"type":"t","value":\#($0)}"# }.joined(separator: ",")
        let parsed = try Bodies.parse(Bodies.message(metrics: metrics)).get()
        let expected = texts.compactMap(Double.init).filter(\.isFinite).map { $0 == 0 ? 0 : $0 }
        #expect(parsed.batch.values.map(\.bitPattern) == expected.map(\.bitPattern))
        #expect(parsed.rejected == texts.count - expected.count)
    }

    /// The same parser, used by many tasks at once.
    @Test func oneParserServesManyTasks() async {
        let body = (0..<200).map { Bodies.message(metrics: #"{"type":"m\#($0 % 9)","value":\#($0)}"#) }
            .joined(separator: "\n")
        let expected = Bodies.parse(body, as: .ndjson)
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<64 { group.addTask { Bodies.parse(body, as: .ndjson) == expected } }
            for await isEqual in group { #expect(isEqual) }
        }
    }

    /// Stamps go on from message to message, as within one body.
    private struct Receipts {
        var next = Bodies.receivedAt

        mutating func parse(_ message: String) -> ParsedReadings {
            let result = Result { () throws(BodyError) in
                try Bodies.parser.parse(Array(message.utf8), as: .json, receivedAt: Bodies.receivedAt) {
                    defer { next = next.advanced(byMicroseconds: 1) }
                    return next
                }
            }
            switch result {
            case .success(let parsed), .failure(.nothingAcceptable(let parsed)): return parsed
            case .failure(let error):
                Issue.record("\(error): \(message)")
                return ParsedReadings(
                    batch: ReadingBatch(receivedAt: Bodies.receivedAt, readings: []), rejected: 0, errors: [])
            }
        }
    }
}

extension ReadingBatch {
    fileprivate var readings: [Reading] { (0..<count).map { self[$0] } }
}
