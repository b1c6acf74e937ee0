import Foundation
import HTTPAPI
import NIOCore
import Telemetry
import Testing

@Suite struct JSONWriterTests {
    private func text(_ write: (inout JSONWriter) -> Void) -> String {
        var json = JSONWriter()
        write(&json)
        return String(buffer: json.buffer)
    }

    @Test(
        arguments: [
            (0.0, "0"), (-0.0, "0"), (40, "40"), (21.5, "21.5"), (-7.25, "-7.25"), (0.1, "0.1"), (1e300, "1e+300"),
            (.leastNonzeroMagnitude, "5e-324"), (9_007_199_254_740_991, "9007199254740991"), (1e15, "1000000000000000"),
            (.infinity, "null"), (.nan, "null"), (123456.789, "123456.789"),
        ])
    func numbersAreShort(number: Double, expected: String) {
        #expect(text { $0.value(number) } == expected)
    }

    @Test func numbersReadBackAsTheyWere() throws {
        var generator = SeededGenerator(seed: 11)
        for _ in 0..<2_000 {
            let number = Double(bitPattern: generator.next())
            guard number.isFinite else { continue }
            let written = text { $0.value(number) }
            #expect(Double(written) == number)
            let read = try JSONSerialization.jsonObject(with: Data(written.utf8), options: .fragmentsAllowed)
            // That parser is a digit short of exact; what it reads must be this number all the same.
            let value = try #require((read as? NSNumber)?.doubleValue)
            #expect(abs(value - number) <= abs(number) * 1e-14)
        }
    }

    @Test(
        arguments: [
            ("plain", #""plain""#), ("", #""""#), (#"a"b\c"#, #""a\"b\\c""#),
            ("\n\r\t\u{0}\u{1F}\u{8}", #""\n\r\t\u0000\u001f\u0008""#),
            ("ä🐦\u{2028}/", "\"ä🐦\u{2028}/\""), ("</script>", #""</script>""#),
        ])
    func textIsEscaped(given: String, expected: String) {
        #expect(text { $0.value(given) } == expected)
    }

    @Test func textReadsBackAsItWas() throws {
        var generator = SeededGenerator(seed: 12)
        for _ in 0..<500 {
            let scalars = (0..<generator.draw(below: 20)).compactMap { _ in
                Unicode.Scalar(UInt32(generator.draw(below: generator.draw(below: 2) == 0 ? 0x80 : 0x11_0000)))
            }
            var given = ""
            given.unicodeScalars.append(contentsOf: scalars)
            let written = text { $0.value(given) }
            let read = try JSONSerialization.jsonObject(with: Data(written.utf8), options: .fragmentsAllowed)
            #expect(Array((read as? String ?? "?").utf8) == Array(given.utf8))
        }
    }

    @Test func timesAreThoseOfTheInstant() {
        var generator = SeededGenerator(seed: 13)
        var json = JSONWriter()
        var expected = ""
        var instants = [Instant.distantPast, .distantFuture, .epoch, Instant(microseconds: -1), FakeNode.start]
        for _ in 0..<500 {
            let range = Int64(4_000_000_000_000_000)
            instants.append(Instant(microseconds: Int64(bitPattern: generator.next()) % range))
            instants.append(FakeNode.start.advanced(byMicroseconds: Int64(generator.draw(below: 100_000_000_000))))
        }
        for instant in instants where instant != .distantPast {
            json.writeTime(instant)
            expected += instant.description
        }
        json.writeTime(.distantPast)
        #expect(String(buffer: json.buffer).hasPrefix(expected))
    }

    @Test func membersAndElementsAreSeparated() {
        let written = text { json in
            json.object { json in
                json.key("a")
                json.array([1, 2]) { $0.value($1) }
                json.key("b")
                json.object { _ in }
                json.key("c")
                json.null()
                json.key("d")
                json.array([[true], []]) { $0.array($1) { $0.value($1) } }
            }
        }
        #expect(written == #"{"a":[1,2],"b":{},"c":null,"d":[[true],[]]}"#)
    }
}
