import ReadingFormats
import Telemetry

/// Bodies for tests, parsed at a fixed time of receipt.
enum Bodies {
    /// 2026-11-22T15:04:05Z
    static let receivedAt = Instant(microseconds: 1_795_359_845_000_000)
    static let parser = ReadingParser()

    /// Times of receipt count up by one microsecond from `receivedAt`.
    static func parse(_ body: [UInt8], as format: BodyFormat = .json) -> Result<ParsedReadings, BodyError> {
        var next = receivedAt
        return Result { () throws(BodyError) in
            try parser.parse(body, as: format, receivedAt: receivedAt) {
                defer { next = next.advanced(byMicroseconds: 1) }
                return next
            }
        }
    }

    static func parse(_ body: String, as format: BodyFormat = .json) -> Result<ParsedReadings, BodyError> {
        parse(Array(body.utf8), as: format)
    }

    /// `{"device_id":"d","metrics":[…]}`
    static func message(metrics: String) -> String {
        #"{"device_id":"d","metrics":[\#(metrics)]}"#
    }

    /// A message with one good reading and one field more.
    static func message(with field: String) -> String {
        #"{"device_id":"d",\#(field),"metrics":[{"type":"t","value":1}]}"#
    }
}
