import CSimdjson
package import Telemetry

/// Turns bodies of `POST /data` into columns of readings. Any bytes give a result or an error.
///
/// Share one: the memory of its parsers is reused from body to body.
package struct ReadingParser: Sendable {
    /// Of a body, after gunzip too.
    package static let bodyByteCountMax = 8 * 1024 * 1024
    /// A device's clock may be this far ahead of the node's.
    package static let futureMicrosecondsMax: Int64 = 5 * 60 * 1_000_000
    /// 2000-01-01T00:00:00Z. What is earlier comes from a clock that was never set.
    package static let earliestTime = Instant(microseconds: 946_684_800_000_000)

    private let pool = ParserPool()

    package init() {}

    /// - Parameters:
    ///   - receivedAt: When the body arrived, by this node's clock.
    ///   - stamp: The strictly increasing clock of receipts. Asked once for each message that has no time and a good
    ///     reading, and again where that message repeats a metric, so that times increase within every series.
    ///   - gate: Who may pass. Readings that it refuses count as rejected.
    package func parse(
        _ body: UnsafeRawBufferPointer, as format: BodyFormat, receivedAt: Instant,
        through gate: any ReadingGate = OpenGate(), stamp: () -> Instant
    ) throws(BodyError) -> ParsedReadings {
        guard body.count <= Self.bodyByteCountMax else { throw .tooLarge }
        let text = Self.withoutByteOrderMark(body)
        guard !text.allSatisfy(Self.isWhiteSpace) else { throw .empty }
        let (outcome, parsed) = withoutActuallyEscaping(stamp) { stamp in
            var assembler = MessageAssembler(body: text, receivedAt: receivedAt, gate: gate, stamp: stamp)
            let parser = pool.take()
            let outcome = parser.parse(text, as: format, into: &assembler)
            pool.giveBack(parser)
            return (outcome, assembler.finish())
        }
        if let fault = Fault(outcome, in: text) {
            // The bytes of a mark count too: the offset is for the sender's file.
            throw .syntax(fault.description(markByteCount: body.count - text.count))
        }
        guard !parsed.batch.isEmpty else { throw .nothingAcceptable(parsed) }
        return parsed
    }

    package func parse(
        _ body: [UInt8], as format: BodyFormat, receivedAt: Instant, through gate: any ReadingGate = OpenGate(),
        stamp: () -> Instant
    ) throws(BodyError) -> ParsedReadings {
        try body.span.withUnsafeBytes { bytes throws(BodyError) in
            try parse(bytes, as: format, receivedAt: receivedAt, through: gate, stamp: stamp)
        }
    }

    /// RFC 8259 lets a parser ignore a byte order mark, and some editors and shells write one.
    private static func withoutByteOrderMark(_ body: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        guard body.starts(with: [0xEF, 0xBB, 0xBF]) else { return body }
        return UnsafeRawBufferPointer(rebasing: body[3...])
    }

    private static func isWhiteSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
    }
}
