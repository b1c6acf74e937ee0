import ReadingFormats
import Telemetry
import Testing

/// Bytes that nobody meant: any result will do, as long as there is one, and it keeps its own rules.
struct FuzzTests {
    static let inputsCount = 120_000

    @Test(arguments: 0..<8 as Range<UInt64>)
    func anyBytesGiveAResult(part: UInt64) {
        var generator = SeededGenerator(seed: 1000 + part)
        let seeds = (0..<20).map { _ in Array(Self.body(using: &generator).utf8) }
        for _ in 0..<(Self.inputsCount / 8 / 2) {
            let bytes =
                generator.draw(below: 6) == 0
                ? Self.noise(using: &generator)
                : Self.mutated(Drawn.pick(seeds, using: &generator), using: &generator)
            for format in [BodyFormat.json, .ndjson] { check(bytes, format) }
        }
    }

    /// What is cut off anywhere is broken: no beginning of a document is a document.
    @Test func noBeginningOfADocumentIsAccepted() {
        let body = Array(
            #"[{"device_id":"dé\u00e9","x":[{"y":-1.5e3},null],"metrics":[{"type":"t","value":1e2}]}]"#.utf8)
        for count in 1..<body.count {
            let result = Bodies.parse(Array(body[..<count]))
            guard case .failure(.syntax) = result else {
                Issue.record("accepted \(count) bytes: \(result)")
                continue
            }
        }
        guard case .success = Bodies.parse(body) else {
            Issue.record("the whole document is refused")
            return
        }
    }

    private func check(_ bytes: [UInt8], _ format: BodyFormat) {
        let result = Bodies.parse(bytes, as: format)
        let isSound: Bool
        switch result {
        case .success(let parsed): isSound = !parsed.batch.isEmpty && Self.isSound(parsed)
        case .failure(.nothingAcceptable(let parsed)): isSound = parsed.batch.isEmpty && Self.isSound(parsed)
        case .failure(.syntax(let text)): isSound = format == .json && text.contains("at byte")
        case .failure(.empty): isSound = true
        case .failure(.tooLarge): isSound = false
        }
        if !isSound { Issue.record("\(format) of \(bytes): \(result)") }
    }

    private static func isSound(_ parsed: ParsedReadings) -> Bool {
        parsed.errors.count == min(parsed.rejected, ParsedReadings.errorsCountMax)
            && parsed.batch.values.allSatisfy { $0.isFinite && !($0 == 0 && $0.sign == .minus) }
            && parsed.batch.times.allSatisfy { $0 >= ReadingParser.earliestTime }
            && parsed.batch.series.allSatisfy { DeviceID($0.device.text) != nil && Metric($0.metric.text) != nil }
    }

    private static func body(using generator: inout SeededGenerator) -> String {
        let messages = (0..<(1 + generator.draw(below: 3))).map { _ in Drawn.message(using: &generator) }
        return generator.draw(below: 2) == 0
            ? messages.joined(separator: "\n") : "[" + messages.joined(separator: ",") + "]"
    }

    private static let letters =
        Array("{}[]:,\"\\\n\r\t 0123456789.eE+-truefalsnud".utf8) + [0, 0x7F, 0x80, 0xC3, 0xFF]

    private static func noise(using generator: inout SeededGenerator) -> [UInt8] {
        (0..<generator.draw(below: 64)).map { _ in
            generator.draw(below: 4) == 0
                ? UInt8(truncatingIfNeeded: generator.next()) : Drawn.pick(letters, using: &generator)
        }
    }

    /// A few bytes changed, added, removed, or a piece repeated elsewhere.
    private static func mutated(_ seed: [UInt8], using generator: inout SeededGenerator) -> [UInt8] {
        var bytes = seed
        for _ in 0..<(1 + generator.draw(below: 4)) where !bytes.isEmpty {
            let place = generator.draw(below: bytes.count)
            switch generator.draw(below: 5) {
            case 0: bytes[place] = Drawn.pick(letters, using: &generator)
            case 1: bytes[place] ^= 1 << UInt8(generator.draw(below: 8))
            case 2: bytes.insert(Drawn.pick(letters, using: &generator), at: place)
            case 3: bytes.removeSubrange(place..<min(bytes.count, place + 1 + generator.draw(below: 8)))
            default:
                let end = min(bytes.count, place + generator.draw(below: 30))
                bytes.insert(contentsOf: Array(bytes[place..<end]), at: generator.draw(below: bytes.count))
            }
        }
        return bytes
    }
}
