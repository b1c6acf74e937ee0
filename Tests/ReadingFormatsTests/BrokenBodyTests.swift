import ReadingFormats
import Telemetry
import Testing

/// Bodies that are no JSON: nothing of a document is accepted, and of lines only the broken one is lost.
struct BrokenBodyTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let bytes: [UInt8]
        /// Byte of the place that is told.
        let place: Int
        /// Of the same bytes as a line behind others: no mark is skipped there, and an array is no list of messages.
        let placeInLine: Int
        /// What the text must say.
        let text: String

        init(_ json: String, at place: Int, inLine placeInLine: Int? = nil, _ text: String) {
            self.init(bytes: Array(json.utf8), at: place, inLine: placeInLine, text)
        }

        init(bytes: [UInt8], at place: Int, inLine placeInLine: Int? = nil, _ text: String) {
            self.bytes = bytes
            self.place = place
            self.placeInLine = placeInLine ?? place
            self.text = text
        }

        var testDescription: String { "\(text) at \(place): \(String(decoding: bytes.prefix(50), as: UTF8.self))" }
    }

    static let cases: [Case] = [
        Case("{", at: 1, "field name"), Case("[", at: 1, "a value is expected, the end of the body"),
        Case("}", at: 0, "a value is expected"), Case("]", at: 0, "a value is expected"),
        Case("{]", at: 1, "field name"), Case("[}", at: 1, "a value is expected"), Case("[1}", at: 2, "\",\" or \"]\""),
        Case("[1 2]", at: 3, "\",\" or \"]\""), Case("[1,]", at: 3, "a value is expected"),
        Case("[,1]", at: 1, "a value"),
        Case("[1,,2]", at: 3, "a value"), Case("[[1]", at: 4, "\",\" or \"]\" is expected, the end of the body"),
        Case(#"{"a"}"#, at: 4, "\":\" is expected"), Case(#"{"a" 1}"#, at: 5, "\":\""),
        Case(#"{"a":}"#, at: 5, "a value"),
        Case(#"{"a":1,}"#, at: 7, "field name"), Case(#"{"a":1 "b":2}"#, at: 7, "\",\" or \"}\""),
        Case(#"{"a":1]"#, at: 6, "\",\" or \"}\""), Case(#"{a:1}"#, at: 1, "field name in double quotes"),
        Case(#"{'a':1}"#, at: 1, "field name in double quotes"), Case(#"{"a":'b'}"#, at: 5, "a value"),
        Case(#"{"a":{"b":[}"#, at: 11, "a value"), Case(#"{"a":{"b":1}"#, at: 12, "\",\" or \"}\""),
        Case(#"{"a":1}{"a":2}"#, at: 7, "application/x-ndjson"), Case("{} x", at: 3, "follows the end"),
        Case("[] []", at: 3, "follows the end"), Case("1 2", at: 2, "follows the end"), Case("{},", at: 2, "follows"),
        Case("nul", at: 0, "'nul' is not a JSON value"), Case("[nulll]", at: 1, "not a JSON value"),
        Case("[True]", at: 1, "a value is expected, 'True]' found"), Case("[tru]", at: 1, "not a JSON value"),
        Case("[falsey]", at: 1, "not a JSON value"), Case(#"[true"a"]"#, at: 1, "not a JSON value"),
        Case("[NaN]", at: 1, "a value is expected, 'NaN]' found"), Case("[Infinity]", at: 1, "a value is expected"),
        Case("[-Infinity]", at: 1, "is not a JSON number"), Case("[nan]", at: 1, "not a JSON value"),
        Case("[01]", at: 1, "'01]' is not a JSON number"), Case("[-]", at: 1, "number"), Case("[+1]", at: 1, "a value"),
        Case("[1.]", at: 1, "number"), Case("[.5]", at: 1, "a value"), Case("[1e]", at: 1, "number"),
        Case("[1e+]", at: 1, "number"), Case("[1.5.2]", at: 1, "number"), Case("[0x10]", at: 1, "number"),
        Case("[1a]", at: 1, "number"), Case("[1_000]", at: 1, "number"), Case("[--1]", at: 1, "number"),
        Case("[00]", at: 1, "number"), Case("[-01]", at: 1, "number"), Case("-", at: 0, "number"),
        Case(#"["\x"]"#, at: 2, "is not an escape"), Case(#"["\u12"]"#, at: 2, "is not an escape"),
        Case(#"["\u12g4"]"#, at: 2, "is not an escape"), Case(#"{"\q":1}"#, at: 2, "is not an escape"),
        Case(#"["ab\u 123"]"#, at: 4, "is not an escape"), Case(#"["\ud83d\u12"]"#, at: 8, "is not an escape"),
        Case(#"["abc]"#, at: 1, "never closed"), Case(#"["a","b\"]"#, at: 5, "never closed"),
        Case("\"", at: 0, "never closed"),
        Case("[\"a\u{0}b\"]", at: 3, "control character"), Case("[\"a\tb\"]", at: 3, "control character"),
        Case(#"[\"a"]"#, at: 4, "never closed"), Case(#"\"#, at: 0, "a value is expected"),
        Case("[1,/* note */2]", at: 3, "a value"), Case("[1]//", at: 3, "follows"), Case("\u{0}", at: 0, "byte 0"),
        Case("[1]\u{0}", at: 3, "follows"), Case("\u{FEFF}{", at: 4, inLine: 0, "field name"),
        Case("\u{FEFF}\u{FEFF}{}", at: 3, inLine: 0, "a value"),
        Case(bytes: [0x5B, 0x22, 0xFF, 0x22, 0x5D], at: 2, "not UTF-8"),
        Case(bytes: [0x5B, 0x22, 0xC0, 0x80, 0x22, 0x5D], at: 2, "not UTF-8"),  // an overlong NUL
        Case(bytes: [0x5B, 0x22, 0xED, 0xA0, 0x80, 0x22, 0x5D], at: 2, "not UTF-8"),  // a surrogate
        Case(bytes: [0x5B, 0x22, 0xF5, 0x80, 0x80, 0x80, 0x22, 0x5D], at: 2, "not UTF-8"),
        Case(bytes: [0x5B, 0x22, 0xE2, 0x82, 0x22, 0x5D], at: 2, "not UTF-8"),
        Case(bytes: [0xFF, 0xFE], at: 0, "not UTF-8"),
        Case(String(repeating: "[", count: 100_000), at: 1025, inLine: 1024, "nested deeper"),
        Case(String(repeating: #"{"a":"#, count: 100_000), at: 1024 * 5 + 5, "nested deeper"),
        Case(
            String(repeating: "[", count: 100_000) + String(repeating: "]", count: 100_000), at: 1025, inLine: 1024,
            "nested deeper"),
    ]

    @Test(arguments: cases)
    func nothingIsAcceptedAndThePlaceIsTold(broken: Case) throws {
        let result = Bodies.parse(broken.bytes)
        guard case .failure(.syntax(let text)) = result else {
            Issue.record("\(result)")
            return
        }
        #expect(text.contains("at byte \(broken.place) "), "\(text)")
        #expect(text.contains(broken.text), "\(text)")
        #expect(text.contains("mend"), "\(text)")
    }

    /// In an unknown field of the last of three messages, so that the walk has been over good ones.
    @Test(arguments: cases)
    func aBrokenMessageSpoilsTheWholeArray(broken: Case) {
        let good = Bodies.message(metrics: #"{"type":"t","value":1}"#)
        let body = Array("[\(good),\(good),{\"device_id\":\"d\",\"x\":".utf8) + broken.bytes + Array("}]".utf8)
        guard case .failure(.syntax) = Bodies.parse(body) else {
            Issue.record("accepted")
            return
        }
    }

    @Test(arguments: cases)
    func aBrokenLineIsLostAlone(broken: Case) throws {
        let good = Array(Bodies.message(metrics: #"{"type":"t","value":1}"#).utf8)
        let newline = [UInt8(ascii: "\n")]
        let body = good + newline + broken.bytes + newline + good
        let parsed = try Bodies.parse(body, as: .ndjson).get()
        #expect(parsed.batch.count == 2)
        #expect(parsed.rejected == 1)
        #expect(parsed.errors.map(\.index) == [1])
        #expect(parsed.errors.map(\.field) == ["message"])
        #expect(
            parsed.errors.first?.reason.contains("byte \(broken.placeInLine) of the line") == true, "\(parsed.errors)")
    }

    @Test(arguments: ["", " ", "\r\n\t \n", "\n\n\n"])
    func aBodyOfWhiteSpaceIsEmpty(body: String) {
        #expect(Bodies.parse(body) == .failure(.empty))
        #expect(Bodies.parse(body, as: .ndjson) == .failure(.empty))
        #expect(Bodies.parse("\u{FEFF}" + body, as: .ndjson) == .failure(.empty))
    }

    @Test func anEmptyArrayHasNothingAcceptable() {
        guard case .failure(.nothingAcceptable(let parsed)) = Bodies.parse(" [ ] ") else {
            Issue.record("accepted")
            return
        }
        #expect(parsed.rejected == 0)
        #expect(BodyError.nothingAcceptable(parsed).description.contains("array is empty"))
    }

    @Test func theLineAndColumnOfADocumentAreTold() {
        guard case .failure(let error) = Bodies.parse("[\n  {},\n  {\"a\" 1}\n]") else {
            Issue.record("accepted")
            return
        }
        #expect(error.description.contains("at byte 15 (line 3, column 8)"), "\(error)")
    }

    @Test func theLimitOfABodyIsExact() throws {
        let good = Bodies.message(metrics: #"{"type":"t","value":1}"#)
        let room = ReadingParser.bodyByteCountMax - good.utf8.count
        let full = good + String(repeating: " ", count: room)
        #expect(try Bodies.parse(full).get().batch.count == 1)
        #expect(try Bodies.parse(full, as: .ndjson).get().batch.count == 1)
        #expect(Bodies.parse(full + " ") == .failure(.tooLarge))
        #expect(Bodies.parse(full + " ", as: .ndjson) == .failure(.tooLarge))
    }

    @Test func nestingUpToTheLimitIsFine() throws {
        let depth = 1024
        let nested = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        let body = Bodies.message(with: "\"x\":\(nested)")
        #expect(try Bodies.parse(body).get().batch.count == 1)
        guard case .failure(.syntax) = Bodies.parse(Bodies.message(with: "\"x\":[\(nested)]")) else {
            Issue.record("accepted")
            return
        }
    }

    @Test func aMessageOfTooManyMetricsIsRefusedAlone() throws {
        let body = Bodies.message(metrics: Array(repeating: "{}", count: 400_001).joined(separator: ","))
        let good = Bodies.message(metrics: #"{"type":"t","value":1}"#)
        let parsed = try Bodies.parse("\(body)\n\(good)", as: .ndjson).get()
        #expect(parsed.batch.count == 1)
        #expect(parsed.rejected == 1)
        #expect(parsed.errors.map(\.field) == ["metrics"])
    }
}
