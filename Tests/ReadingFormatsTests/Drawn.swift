import Telemetry

/// Random material for bodies.
enum Drawn {
    static func pick<Element>(_ elements: [Element], using generator: inout SeededGenerator) -> Element {
        elements[generator.draw(below: elements.count)]
    }

    /// Well-formed JSON of about the shape of a message, with good and bad parts.
    static func message(using generator: inout SeededGenerator) -> String {
        if generator.draw(below: 20) == 0 {
            // No array: that would be a list of messages.
            return pick(values.filter { !$0.hasPrefix("[") }, using: &generator)
        }
        var fields: [String] = []
        if generator.draw(below: 20) > 0 {
            let names =
                [#""a""#, #""b""#, #""dévice""#, #""\u0061""#, #""a b""#]
                + (generator.draw(below: 8) == 0 ? values : [])
            fields.append(#""device_id":\#(pick(names, using: &generator))"#)
        }
        if generator.draw(below: 2) == 0 {
            let times = [#""2026-11-22T15:00:00Z""#, "1795359845", "1795359845123", "null", "5", #""x""#]
            fields.append(#""timestamp":\#(pick(times, using: &generator))"#)
        }
        if generator.draw(below: 20) > 0 {
            let list = (0..<generator.draw(below: 5)).map { _ in metric(using: &generator) }
            fields.append(#""metrics":[\#(list.joined(separator: ","))]"#)
        }
        if generator.draw(below: 4) == 0 { fields.append(#""x":\#(pick(values, using: &generator))"#) }
        return "{" + shuffled(fields, using: &generator).joined(separator: ",") + "}"
    }

    private static let values = [
        "1", "-0.5e3", "1e400", "true", "false", "null", "[]", "{}", "[1,[2,{}]]", #"{"a":{"b":[null]}}"#, #""""#,
        #""\u0000""#, #""\ud800""#, #""text""#,
    ]

    private static func metric(using generator: inout SeededGenerator) -> String {
        if generator.draw(below: 20) == 0 { return pick(values, using: &generator) }
        var fields: [String] = []
        let types = [#""t""#, #""u""#, #""\u0074""#, #""v""#] + (generator.draw(below: 8) == 0 ? values : [])
        if generator.draw(below: 20) > 0 { fields.append(#""type":\#(pick(types, using: &generator))"#) }
        let numbers = ["1", "-0", "2.5", "1e400"] + (generator.draw(below: 8) == 0 ? values : [])
        if generator.draw(below: 20) > 0 { fields.append(#""value":\#(pick(numbers, using: &generator))"#) }
        return "{" + shuffled(fields, using: &generator).joined(separator: ",") + "}"
    }

    private static func shuffled(_ fields: [String], using generator: inout SeededGenerator) -> [String] {
        var fields = fields
        for index in fields.indices.dropFirst().reversed() { fields.swapAt(index, generator.draw(below: index + 1)) }
        return fields
    }

    static func reading(using generator: inout SeededGenerator) -> Reading {
        let series = Series(
            device: DeviceID(unchecked: name(countMax: 20, using: &generator)),
            metric: Metric(unchecked: name(countMax: 12, using: &generator)))
        // From 2000 to the time of receipt.
        let span = Bodies.receivedAt.microseconds - 946_684_800_000_000
        let time = Instant(microseconds: 946_684_800_000_000 + Int64(generator.draw(below: Int(span))))
        return Reading(series: series, time: time, value: value(using: &generator))
    }

    private static func name(countMax: Int, using generator: inout SeededGenerator) -> String {
        let scalars = Array("abcXYZ019 -_./\\\"éß日本語😀\u{E000}\u{FFFD}\u{10FFFF}".unicodeScalars)
        var name = String.UnicodeScalarView()
        for _ in 0..<(1 + generator.draw(below: countMax)) { name.append(pick(scalars, using: &generator)) }
        return String(name)
    }

    /// A JSON string, each scalar as it is or as `\u`.
    static func quoted(_ text: String, using generator: inout SeededGenerator) -> String {
        var json = "\""
        for scalar in text.unicodeScalars {
            if scalar == "\"" || scalar == "\\" || generator.draw(below: 4) == 0 {
                for unit in String(scalar).utf16 {
                    let digits = String(unit, radix: 16, uppercase: generator.draw(below: 2) == 0)
                    json += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
                }
            } else {
                json.unicodeScalars.append(scalar)
            }
        }
        return json + "\""
    }

    /// Any finite double, never −0.
    static func value(using generator: inout SeededGenerator) -> Double {
        let value = Double(bitPattern: generator.next())
        return value.isFinite && value != 0 ? value : Double(generator.draw(below: 100)) / 10
    }

    /// A number by the grammar of JSON, of up to 40 digits.
    static func decimal(using generator: inout SeededGenerator) -> String {
        func digits(_ count: Int) -> String {
            String((0..<count).map { _ in Character(String(generator.draw(below: 10))) })
        }
        var text = generator.draw(below: 2) == 0 ? "-" : ""
        text +=
            generator.draw(below: 3) == 0
            ? "0" : String(1 + generator.draw(below: 9)) + digits(generator.draw(below: 20))
        if generator.draw(below: 2) == 0 { text += "." + digits(1 + generator.draw(below: 20)) }
        if generator.draw(below: 2) == 0 {
            text += pick(["e", "E", "e+", "e-", "E-"], using: &generator) + digits(1 + generator.draw(below: 3))
        }
        return text
    }
}
