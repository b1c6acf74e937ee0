import Foundation
import FuzzKit
import ReadingFormats
import Telemetry

// Bodies of `POST /data`: JSON, or NDJSON if the first byte is odd. Whatever they hold, the rules of the result hold; what
// is accepted is the same when written by us and read again; and Foundation's reader agrees on what is JSON.

let receivedAt = Instant(microseconds: 1_800_000_000_000_000)
let parser = ReadingParser()

func parse(_ bytes: UnsafeRawBufferPointer, as format: BodyFormat) -> Result<ParsedReadings, BodyError> {
    var stamps = receivedAt.microseconds
    return Result { () throws(BodyError) in
        try parser.parse(bytes, as: format, receivedAt: receivedAt) {
            stamps += 1
            return Instant(microseconds: stamps)
        }
    }
}

func parse(_ text: some Sequence<UInt8>, as format: BodyFormat) -> Result<ParsedReadings, BodyError> {
    Array(text).withUnsafeBytes { parse($0, as: format) }
}

func checkRules(_ parsed: ParsedReadings) {
    precondition(
        parsed.errors.count == min(parsed.rejected, ParsedReadings.errorsCountMax),
        "\(parsed.rejected) rejected, \(parsed.errors.count) errors")
    let latest = receivedAt.advanced(byMicroseconds: ReadingParser.futureMicrosecondsMax)
    for index in 0..<parsed.batch.count {
        let reading = parsed.batch[index]
        precondition(reading.value.isFinite && reading.value.bitPattern != (-0.0).bitPattern, "\(reading)")
        precondition(reading.time >= ReadingParser.earliestTime && reading.time <= latest, "\(reading)")
        precondition(DeviceID(reading.series.device.text) != nil, "\(reading)")
        precondition(Metric(reading.series.metric.text) != nil, "\(reading)")
    }
    precondition(Set(parsed.batch.series).count == parsed.batch.series.count, "a series stands twice")
}

/// The accepted readings, as an array of messages or one a line, are accepted whole and are the same.
func checkAgain(_ batch: ReadingBatch) {
    let messages = (0..<batch.count).map { JSONText.message(batch[$0]) }
    let texts = [
        (messages.joined(separator: "\n"), BodyFormat.ndjson),
        (" [" + messages.joined(separator: " ,\n") + "] ", .json),
    ]
    for (text, format) in texts {
        guard case .success(let again) = parse(text.utf8, as: format) else { preconditionFailure("refused: \(text)") }
        precondition(again.batch == batch && again.rejected == 0, "from \(text): \(again), not \(batch)")
    }
}

/// Whether Foundation takes it. It looks for other encodings where there are zeros, which are no UTF-8 text here.
func isJSON(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard !bytes.contains(0) else { return false }
    return (try? JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)) != nil
}

/// Of the two readers ours alone takes numbers beyond a double and half of a surrogate pair, and more levels than 512:
/// they reject one message there, not the body.
func mayDiffer(_ bytes: UnsafeRawBufferPointer) -> Bool {
    let text = bytes.lazy
    return text.contains { $0 == UInt8(ascii: "\\") || $0 | 0x20 == UInt8(ascii: "e") }
        || text.count { $0 == UInt8(ascii: "[") || $0 == UInt8(ascii: "{") } >= 500 || bytes.count > 300
}

/// Foundation takes `[1,]`, which RFC 8259 does not have.
func hasTrailingComma(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var isAfterComma = false
    for byte in bytes {
        switch byte {
        case UInt8(ascii: ","): isAfterComma = true
        case UInt8(ascii: "]"), UInt8(ascii: "}"): if isAfterComma { return true }
        case 0x20, 0x09, 0x0A, 0x0D: break
        default: isAfterComma = false
        }
    }
    return false
}

try Fuzzer.run(seeds: Seeds.all) { bytes in
    guard let (first, rest) = bytes.divided() else { return }
    let format: BodyFormat = first & 1 == 0 ? .json : .ndjson
    let result = parse(rest, as: format)
    switch result {
    case .success(let parsed):
        precondition(!parsed.batch.isEmpty, "accepted nothing")
        checkRules(parsed)
        checkAgain(parsed.batch)
    case .failure(.nothingAcceptable(let parsed)):
        precondition(parsed.batch.isEmpty, "refused \(parsed.batch.count) readings that are good")
        checkRules(parsed)
    case .failure(.syntax(let text)):
        precondition(format == .json && text.contains("at byte"), "\(text)")
        precondition(hasTrailingComma(rest) || !isJSON(rest), "Foundation reads it, and here: \(text)")
        return
    case .failure(.empty): return
    case .failure(.tooLarge): preconditionFailure("\(rest.count) bytes are too many")
    }
    if format == .json, !mayDiffer(rest) {
        precondition(isJSON(rest), "Foundation refuses what is accepted here")
    }
}
