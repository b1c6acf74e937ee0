import Telemetry
import Testing

struct NamesTests {
    @Test(arguments: ["d", "device-01", " ", "é", "日本", "😀", "a/b?c=d&e", "\u{A0}", "\u{E000}", "\u{200B}", "\u{FFFD}"])
    func aNameOfPrintableTextIsOne(text: String) {
        #expect(DeviceID(text)?.text == text)
        #expect(Metric(text)?.text == text)
    }

    @Test(
        arguments: [
            "", "\u{0}", "a\u{0}", "\n", "a\tb", "\u{1F}", "\u{7F}", "a\u{80}", "\u{85}", "\u{9F}", "\r\n",
        ])
    func emptyTextAndControlCharactersAreNone(text: String) {
        #expect(DeviceID(text) == nil)
        #expect(Metric(text) == nil)
    }

    @Test func theLimitsCountBytes() {
        #expect(DeviceID(String(repeating: "x", count: 128)) != nil)
        #expect(DeviceID(String(repeating: "x", count: 129)) == nil)
        #expect(DeviceID(String(repeating: "é", count: 64)) != nil)
        #expect(DeviceID(String(repeating: "é", count: 64) + "x") == nil)
        #expect(Metric(String(repeating: "x", count: 64)) != nil)
        #expect(Metric(String(repeating: "x", count: 65)) == nil)
        #expect(Metric(String(repeating: "😀", count: 16)) != nil)
        #expect(Metric(String(repeating: "😀", count: 16) + "x") == nil)
    }

    @Test func canonicallyEqualNamesAreTwo() {
        let composed = DeviceID(unchecked: "\u{E9}")
        let decomposed = DeviceID(unchecked: "e\u{301}")
        #expect(composed.text == decomposed.text)
        #expect(composed != decomposed)
        #expect(Set([composed, decomposed]).count == 2)
        #expect(decomposed < composed)
    }

    @Test func namesSortAsTheirBytes() {
        var generator = SeededGenerator(seed: 1)
        let names = (0..<400).map { _ in DeviceID(unchecked: Self.name(using: &generator)) }
        let byBytes = names.sorted { Array($0.text.utf8).lexicographicallyPrecedes(Array($1.text.utf8)) }
        #expect(names.sorted() == byBytes)
        for (first, second) in zip(names, names.dropFirst()) {
            let isEqual = Array(first.text.utf8) == Array(second.text.utf8)
            #expect((first == second) == isEqual)
            if isEqual { #expect(first.hashValue == second.hashValue) }
            #expect(!(first < second && second < first))
        }
    }

    /// Names of a fleet have long beginnings in common; the difference may be at any byte, or be the length.
    @Test func aDifferenceIsFoundAtAnyByte() {
        for length in 1...40 {
            let name = String(repeating: "a", count: length)
            for place in 0..<length {
                let rest = String(repeating: "0", count: length - place - 1)
                let other = String(repeating: "a", count: place) + "z" + rest
                #expect(Metric(unchecked: name) < Metric(unchecked: other))
                #expect(!(Metric(unchecked: other) < Metric(unchecked: name)))
                #expect(Metric(unchecked: name) != Metric(unchecked: other))
            }
            #expect(Metric(unchecked: name) < Metric(unchecked: name + "\u{1}"))
            #expect(!(Metric(unchecked: name + "a") < Metric(unchecked: name)))
            #expect(Metric(unchecked: name) == Metric(unchecked: String(name.reversed())))
        }
    }

    @Test func aSeriesSortsByDeviceThenMetric() {
        let sorted = [("a", "z"), ("ab", "a"), ("b", "a"), ("b", "b"), ("é", "a")].map {
            Series(device: DeviceID(unchecked: $0.0), metric: Metric(unchecked: $0.1))
        }
        #expect(sorted.reversed().sorted() == sorted)
    }

    /// Equal when joined, different as pairs: the hash keeps the border between device and metric.
    @Test func theBorderBetweenTheNamesIsHashed() {
        let first = Series(device: DeviceID(unchecked: "ab"), metric: Metric(unchecked: "c"))
        let second = Series(device: DeviceID(unchecked: "a"), metric: Metric(unchecked: "bc"))
        #expect(first != second)
        #expect(first.hashValue != second.hashValue)
    }

    private static func name(using generator: inout SeededGenerator) -> String {
        let scalars = Array("aabeé\u{301}日😀\u{FF}\u{E000}".unicodeScalars)
        var name = String.UnicodeScalarView()
        for _ in 0...generator.draw(below: 4) { name.append(scalars[generator.draw(below: scalars.count)]) }
        return String(name)
    }
}
