/// RFC 3339 text of an instant, without Foundation: the parser runs once a reading.
extension Instant: CustomStringConvertible {
    /// UTC with milliseconds; six digits where the microseconds are not 0 (`2026-11-22T15:04:05.000Z`).
    package var description: String {
        let (days, inDay) = Self.floorDivide(microseconds, Self.microsecondsPerDay)
        let (year, month, day) = Self.civil(fromDays: days)
        let (seconds, fraction) = inDay.quotientAndRemainder(dividingBy: 1_000_000)
        var text = ""
        text.reserveCapacity(27)
        text += Self.padded(year, 4) + "-" + Self.padded(month, 2) + "-" + Self.padded(day, 2)
        text += "T" + Self.padded(seconds / 3600, 2) + ":" + Self.padded(seconds / 60 % 60, 2)
        text += ":" + Self.padded(seconds % 60, 2) + "."
        text += fraction % 1000 == 0 ? Self.padded(fraction / 1000, 3) : Self.padded(fraction, 6)
        return text + "Z"
    }

    /// Reads `date "T" time offset` of RFC 3339 section 5.6; a space or lower-case `t`/`z` is taken too, as the RFC
    /// allows. Digits beyond microseconds are cut. A leap second (`:60`) counts as the second after it.
    /// - Returns: nil if the text is anything else.
    package init?(rfc3339 text: UnsafeBufferPointer<UInt8>) {
        var cursor = Cursor(text: text)
        guard
            let year = cursor.number(digits: 4), cursor.skip("-"),
            let month = cursor.number(digits: 2), cursor.skip("-"),
            let day = cursor.number(digits: 2), cursor.skip("T", "t", " "),
            let hour = cursor.number(digits: 2), cursor.skip(":"),
            let minute = cursor.number(digits: 2), cursor.skip(":"),
            let second = cursor.number(digits: 2)
        else { return nil }
        guard
            (1...12).contains(month), day >= 1, day <= Self.days(in: month, of: year),
            hour <= 23, minute <= 59, second <= 60,
            let fraction = cursor.fraction(), let offset = cursor.offsetSeconds(), cursor.isAtEnd
        else { return nil }
        let days = Self.days(fromCivil: year, month, day)
        let seconds = days * 86400 + hour * 3600 + minute * 60 + second - offset
        self.init(microseconds: seconds * 1_000_000 + fraction)
    }

    package init?(rfc3339 text: String) {
        var text = text
        guard let parsed = text.withUTF8({ Instant(rfc3339: $0) }) else { return nil }
        self = parsed
    }

    private static let microsecondsPerDay: Int64 = 86_400_000_000

    private static func floorDivide(_ value: Int64, _ divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }

    private static func padded(_ value: Int64, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }

    private static func days(in month: Int64, of year: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Days since 1970-01-01 of a proleptic Gregorian date (Hinnant, "chrono-Compatible Low-Level Date Algorithms").
    private static func days(fromCivil year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let (era, yearOfEra) = floorDivide(shifted, 400)
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    private static func civil(fromDays days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let (era, dayOfEra) = floorDivide(days + 719_468, 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1)
    }
}

/// Walks over the bytes of a timestamp; every step says whether it fitted.
private struct Cursor {
    let text: UnsafeBufferPointer<UInt8>
    var position = 0

    var isAtEnd: Bool { position == text.count }

    mutating func number(digits: Int) -> Int64? {
        guard position + digits <= text.count else { return nil }
        var value: Int64 = 0
        for index in position..<(position + digits) {
            let digit = text[index] &- 48
            guard digit <= 9 else { return nil }
            value = value * 10 + Int64(digit)
        }
        position += digits
        return value
    }

    mutating func skip(_ accepted: Unicode.Scalar...) -> Bool {
        guard position < text.count, accepted.contains(where: { $0.value == UInt32(text[position]) }) else {
            return false
        }
        position += 1
        return true
    }

    /// Microseconds after an optional `.`; 0 without one; nil when no digit follows it.
    mutating func fraction() -> Int64? {
        guard skip(".") else { return 0 }
        var value: Int64 = 0
        var digits = 0
        while position < text.count, text[position] &- 48 <= 9 {
            if digits < 6 { value = value * 10 + Int64(text[position] &- 48) }
            digits += 1
            position += 1
        }
        guard digits > 0 else { return nil }
        for _ in digits..<max(6, digits) { value *= 10 }
        return value
    }

    mutating func offsetSeconds() -> Int64? {
        if skip("Z", "z") { return 0 }
        let sign: Int64
        if skip("+") { sign = 1 } else if skip("-") { sign = -1 } else { return nil }
        guard let hours = number(digits: 2), skip(":"), let minutes = number(digits: 2), hours <= 23, minutes <= 59
        else { return nil }
        return sign * (hours * 3600 + minutes * 60)
    }
}
