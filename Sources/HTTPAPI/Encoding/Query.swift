import Ports
import Telemetry

/// The parameters of a query string, checked one by one as they are asked for; each complaint names its parameter.
struct Query {
    private var values: [(name: String, value: String)] = []

    init(_ text: Substring) throws(Problem) {
        guard !text.isEmpty else { return }
        let parts = text.split(separator: "&", omittingEmptySubsequences: true)
        guard parts.count <= HTTPLimits.queryParametersMax else {
            throw .badRequest("a query has at most \(HTTPLimits.queryParametersMax) parameters")
        }
        for part in parts {
            let name = part.prefix { $0 != "=" }
            let value = part.dropFirst(name.count + 1)
            guard let name = PercentCoding.decode(name, plusIsSpace: true) else {
                throw .badRequest("the name of a query parameter is not percent-encoded UTF-8")
            }
            guard let value = PercentCoding.decode(value, plusIsSpace: true) else {
                throw .badParameter(name, "is not percent-encoded UTF-8")
            }
            guard !values.contains(where: { $0.name == name }) else {
                throw .badParameter(name, "is given twice")
            }
            values.append((name, value))
        }
    }

    func text(_ name: String) -> String? {
        values.first { $0.name == name }?.value
    }

    func flag(_ name: String) throws(Problem) -> Bool {
        switch text(name) {
        case nil, "false", "0": false
        case "true", "1": true
        default: throw .badParameter(name, "must be true or false")
        }
    }

    func integer(_ name: String, in range: ClosedRange<Int>) throws(Problem) -> Int? {
        guard let text = text(name) else { return nil }
        guard let value = Int(text), range.contains(value) else {
            throw .badParameter(name, "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    func device(_ name: String = "device_id") throws(Problem) -> DeviceID? {
        guard let text = text(name) else { return nil }
        guard let device = DeviceID(text) else {
            throw .badParameter(name, "must be 1 to \(DeviceID.utf8CountMax) bytes without control characters")
        }
        return device
    }

    func metric(_ name: String = "type") throws(Problem) -> Metric? {
        guard let text = text(name) else { return nil }
        guard let metric = Metric(text) else {
            throw .badParameter(name, "must be 1 to \(Metric.utf8CountMax) bytes without control characters")
        }
        return metric
    }

    func result(_ name: String = "result") throws(Problem) -> ScoreResult? {
        guard let text = text(name) else { return nil }
        guard let result = ScoreResult(name: text) else {
            let names = ScoreResult.allCases.map(\.name).joined(separator: ", ")
            throw .badParameter(name, "must be one of \(names)")
        }
        return result
    }

    /// RFC 3339, or epoch seconds (milliseconds if over 1e11), as in a reading.
    func instant(_ name: String) throws(Problem) -> Instant? {
        guard let text = text(name) else { return nil }
        if let instant = Instant(rfc3339: Self.restoringPlus(in: text)) { return instant }
        if let number = Double(text), let instant = Self.instant(epoch: number) { return instant }
        throw .badParameter(name, "must be RFC 3339 (2026-11-22T15:04:05Z) or seconds since 1970")
    }

    /// An offset's `+` that was not percent-encoded arrives as a space, where no timestamp has one: put it back.
    private static func restoringPlus(in text: String) -> String {
        let offsetCount = 6  // " 01:00"
        guard text.utf8.count > offsetCount else { return text }
        let index = text.utf8.index(text.utf8.endIndex, offsetBy: -offsetCount)
        guard text.utf8[index] == 0x20, text.utf8.contains(0x3A) else { return text }
        let head = text[..<index]
        return head.utf8.count > 10 ? head + "+" + text[text.utf8.index(after: index)...] : text
    }

    private static func instant(epoch number: Double) -> Instant? {
        let millisecondsFrom = 1e11
        let microseconds = number.magnitude > millisecondsFrom ? number * 1e3 : number * 1e6
        guard microseconds.magnitude < 0x1p62 else { return nil }
        return Instant(microseconds: Int64(microseconds.rounded()))
    }
}
