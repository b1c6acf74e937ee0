import CSimdjson

/// What broke a JSON text, and where, told so that the sender can mend it.
struct Fault {
    private let what: starling_json_fault
    /// Bytes into the body.
    private let offset: Int
    private let body: UnsafeRawBufferPointer

    /// - Returns: nil if nothing did.
    init?(_ outcome: starling_json_outcome, in body: UnsafeRawBufferPointer) {
        guard outcome.fault != .none else { return nil }
        self.init(outcome.fault, at: outcome.offset, in: body)
    }

    init(_ fault: starling_json_fault, at offset: Int, in body: UnsafeRawBufferPointer) {
        self.what = fault
        self.body = body
        self.offset = min(offset, body.count)
    }

    /// Of a JSON body: byte, line and column (in bytes, from 1).
    func description(markByteCount: Int) -> String {
        let place = place(until: body.count)
        var line = 1
        var lineStart = 0
        for position in 0..<place where body[position] == 0x0A {
            line += 1
            lineStart = position + 1
        }
        return "Broken JSON at byte \(place + markByteCount) (line \(line), column \(place - lineStart + 1)):"
            + " \(explanation(at: place)). Nothing was accepted; mend the body and send it again."
    }

    /// Of one line: the byte within it, from 0.
    var lineDescription: String {
        var start = offset
        while start > 0, body[start - 1] != 0x0A { start -= 1 }
        var end = offset
        while end < body.count, body[end] != 0x0A { end += 1 }
        let place = place(until: end)
        return "is broken JSON at byte \(place - start) of the line: \(explanation(at: place)); mend the line"
    }

    // MARK: Where

    /// The first stage does not say where it stopped; only then the text is searched, from where it starts.
    private func place(until end: Int) -> Int {
        switch what {
        case .utf8: invalidUTF8(until: end)
        case .unclosed_string, .raw_control: stringFault(until: end)
        default: offset
        }
    }

    private func invalidUTF8(until end: Int) -> Int {
        var bytes = body[offset..<end].makeIterator()
        var parser = Unicode.UTF8.ForwardParser()
        var place = offset
        while case .valid(let scalar) = parser.parseScalar(from: &bytes) { place += scalar.count }
        return place
    }

    /// The first control character within a string, or the quote of the string that is open at the end.
    private func stringFault(until end: Int) -> Int {
        var opened: Int?
        var position = offset
        while position < end {
            let byte = body[position]
            if opened != nil, byte < 0x20 { return position }
            if byte == UInt8(ascii: "\"") { opened = opened == nil ? position : nil }
            position += byte == UInt8(ascii: "\\") ? 2 : 1
        }
        return opened ?? end
    }

    // MARK: What

    private func explanation(at place: Int) -> String {
        let found = found(at: place)
        return switch what {
        case .none, .empty: "there is no value"
        case .utf8: "these bytes are not UTF-8; encode the text as UTF-8"
        case .unclosed_string: "the string that starts here is never closed; add a \""
        case .raw_control: "a control character stands in a string as it is; write it as \\u00XX"
        case .value_expected: "a value is expected, \(found) found"
        case .key_expected: "a field name in double quotes is expected, \(found) found"
        case .colon_expected: "a \":\" is expected after the field name, \(found) found"
        case .object_open: "a \",\" or \"}\" is expected, \(found) found"
        case .array_open: "a \",\" or \"]\" is expected, \(found) found"
        case .literal: "\(found) is not a JSON value; only true, false and null are written without quotes"
        case .number: "\(found) is not a JSON number; write it like -12.5e3"
        case .escape: "\(found) is not an escape of JSON; write a backslash as \\\\"
        case .too_deep: "values are nested deeper than \(STARLING_JSON_DEPTH_MAX) levels; flatten them"
        case .trailing:
            "\(found) follows the end of the message; several messages go into an array,"
                + " or one a line as application/x-ndjson"
        }
    }

    private static let excerptByteCountMax = 12

    /// A few bytes for the reader to search for; anything but printable ASCII ends them.
    private func found(at place: Int) -> String {
        if place == body.count { return "the end of the body" }
        var end = place
        while end < min(body.count, place + Self.excerptByteCountMax), (0x20...0x7E).contains(body[end]) { end += 1 }
        if end == place { return body[place] == 0x0A ? "the end of the line" : "byte \(body[place])" }
        return "'\(String(decoding: body[place..<end], as: UTF8.self))'"
    }
}
