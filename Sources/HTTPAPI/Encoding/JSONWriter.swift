package import NIOCore
package import Telemetry

/// Writes JSON text straight into memory.
///
/// By hand because an answer may hold ten thousand devices: no tree is built, nothing is reflected, and the writer's
/// shape is the document's shape. Into an array, not a `ByteBuffer`, whose small writes cost twice as much (measured).
package struct JSONWriter: Sendable {
    private var bytes: [UInt8] = []
    private var needsComma = false
    /// The start of `cachedDay`'s timestamps (`2026-11-22T`): neighbours in an answer mostly share it.
    private var cachedDay = Int64.min
    private var cachedDate = ""

    package init(capacity: Int = 512) {
        bytes.reserveCapacity(capacity)
    }

    /// Bytes that were not taken yet.
    var count: Int { bytes.count }

    /// All that was written.
    package var buffer: ByteBuffer { ByteBuffer(bytes: bytes) }

    /// What was written since the last call, for answers that leave in parts.
    package mutating func takeBuffer() -> ByteBuffer {
        let taken = buffer
        bytes.removeAll(keepingCapacity: true)
        return taken
    }

    // MARK: Structure

    package mutating func object(_ members: (inout JSONWriter) -> Void) {
        open(0x7B)
        members(&self)
        close(0x7D)
    }

    package mutating func array<Elements: Sequence>(
        _ elements: Elements, _ write: (inout JSONWriter, Elements.Element) -> Void
    ) {
        beginArray()
        for element in elements { write(&self, element) }
        endArray()
    }

    package mutating func beginArray() { open(0x5B) }
    package mutating func endArray() { close(0x5D) }

    /// A line end between the documents of NDJSON.
    package mutating func endLine() {
        bytes.append(0x0A)
        needsComma = false
    }

    /// - Parameter name: needs no escaping: names of members are ours.
    package mutating func key(_ name: StaticString) {
        if needsComma { bytes.append(0x2C) }
        bytes.append(0x22)
        append(name)
        append("\":")
        needsComma = false
    }

    private mutating func open(_ bracket: UInt8) {
        separate()
        bytes.append(bracket)
        needsComma = false
    }

    private mutating func close(_ bracket: UInt8) {
        bytes.append(bracket)
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { bytes.append(0x2C) }
        needsComma = true
    }

    // MARK: Values

    package mutating func null() {
        separate()
        append("null")
    }

    package mutating func value(_ flag: Bool) {
        separate()
        append(flag ? "true" : "false")
    }

    package mutating func value(_ number: some FixedWidthInteger) {
        separate()
        append(String(number))
    }

    /// The shortest text that reads back as the same number; whole numbers without a fraction (`40`). JSON has no
    /// infinities and no NaN: `null` then.
    package mutating func value(_ number: Double) {
        separate()
        writeNumber(number)
    }

    package mutating func writeNumber(_ number: Double) {
        if number.magnitude < 0x1p53, number == number.rounded(.towardZero) {
            append(String(Int64(number)))
        } else if number.isFinite {
            append(number.description)
        } else {
            append("null")
        }
    }

    package mutating func value(_ text: String) {
        separate()
        bytes.append(0x22)
        writeEscaped(text)
        bytes.append(0x22)
    }

    package mutating func value(_ instant: Instant) {
        separate()
        bytes.append(0x22)
        writeTime(instant)
        bytes.append(0x22)
    }

    package mutating func value(_ instant: Instant?) {
        if let instant { value(instant) } else { null() }
    }

    package mutating func value(_ number: (some FixedWidthInteger)?) {
        if let number { value(number) } else { null() }
    }

    package mutating func value(_ number: Double?) {
        if let number { value(number) } else { null() }
    }

    /// - Parameter text: one JSON value, as somebody else wrote it.
    package mutating func value(json text: [UInt8]) {
        separate()
        bytes.append(contentsOf: text)
    }

    package mutating func value(_ text: String?) {
        if let text { value(text) } else { null() }
    }

    // MARK: Text

    private mutating func append(_ text: StaticString) {
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    private mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { bytes.append(contentsOf: $0) }
    }

    /// Text that stands for itself, between the values of CSV and the lines of events.
    package mutating func writeRaw(_ text: StaticString) {
        append(text)
    }

    package mutating func writeLine(_ text: String) {
        append(text)
        endLine()
    }

    /// Plain stretches go over whole; only quotes, backslashes and control characters are rewritten.
    private mutating func writeEscaped(_ text: String) {
        var text = text
        text.withUTF8 { plain in
            var start = 0
            for index in plain.indices where Self.needsEscape(plain[index]) {
                bytes.append(contentsOf: UnsafeBufferPointer(rebasing: plain[start..<index]))
                writeEscape(of: plain[index])
                start = index + 1
            }
            bytes.append(contentsOf: UnsafeBufferPointer(rebasing: plain[start...]))
        }
    }

    private static func needsEscape(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == 0x22 || byte == 0x5C
    }

    private mutating func writeEscape(of byte: UInt8) {
        switch byte {
        case 0x22: append("\\\"")
        case 0x5C: append("\\\\")
        case 0x0A: append("\\n")
        case 0x0D: append("\\r")
        case 0x09: append("\\t")
        default:
            append("\\u00")
            bytes.append(Self.hexDigit(byte >> 4))
            bytes.append(Self.hexDigit(byte & 0xF))
        }
    }

    private static func hexDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? 0x30 + value : 0x57 + value
    }

    /// The text of `Instant.description`, an order of magnitude faster where neighbours share their day.
    package mutating func writeTime(_ instant: Instant) {
        let (day, start) = Self.dayAndStart(of: instant)
        guard let start else {
            append(instant.description)
            return
        }
        if day != cachedDay || cachedDate.isEmpty {
            let text = start.description
            cachedDate = String(text.prefix { $0 != "T" }) + "T"
            cachedDay = day
        }
        let inDay = instant.microseconds - start.microseconds
        let (seconds, fraction) = inDay.quotientAndRemainder(dividingBy: 1_000_000)
        append(cachedDate)
        writeDigits(seconds / 3600, 2)
        bytes.append(0x3A)
        writeDigits(seconds / 60 % 60, 2)
        bytes.append(0x3A)
        writeDigits(seconds % 60, 2)
        bytes.append(0x2E)
        if fraction % 1000 == 0 { writeDigits(fraction / 1000, 3) } else { writeDigits(fraction, 6) }
        bytes.append(0x5A)
    }

    /// - Returns: no start for the first day there is, whose beginning does not fit.
    private static func dayAndStart(of instant: Instant) -> (day: Int64, start: Instant?) {
        let microsecondsPerDay: Int64 = 86_400_000_000
        var (day, inDay) = instant.microseconds.quotientAndRemainder(dividingBy: microsecondsPerDay)
        if inDay < 0 {
            day -= 1
            inDay += microsecondsPerDay
        }
        let (start, overflow) = instant.microseconds.subtractingReportingOverflow(inDay)
        return (day, overflow ? nil : Instant(microseconds: start))
    }

    private mutating func writeDigits(_ value: Int64, _ width: Int) {
        var divisor: Int64 = 1
        for _ in 1..<width { divisor *= 10 }
        while divisor > 0 {
            bytes.append(UInt8(truncatingIfNeeded: 0x30 + (value / divisor) % 10))
            divisor /= 10
        }
    }
}
