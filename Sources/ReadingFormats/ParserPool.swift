import CSimdjson
import Synchronization

/// The C++ parser with the memory it keeps between bodies.
///
/// Unchecked: whoever takes one from the pool is the only one to use it until it is given back, and it is bound to no
/// thread.
final class JSONParser: @unchecked Sendable {
    private let parser = starling_json_parser_create()

    deinit { starling_json_parser_destroy(parser) }

    func parse(
        _ body: UnsafeRawBufferPointer, as format: BodyFormat, into assembler: inout MessageAssembler
    ) -> starling_json_outcome {
        let bytes = body.baseAddress?.assumingMemoryBound(to: UInt8.self)
        return withUnsafeMutablePointer(to: &assembler) { assembler in
            let visit: starling_json_visit = { context, message in
                guard let context, let message else { return }
                context.assumingMemoryBound(to: MessageAssembler.self).pointee.accept(message.pointee)
            }
            switch format {
            case .json:
                return starling_json_parse_document(parser, bytes, body.count, assembler, visit)
            case .ndjson:
                starling_json_parse_lines(parser, bytes, body.count, assembler, visit)
                return starling_json_outcome(fault: .none, offset: 0)
            }
        }
    }
}

/// Parsers at rest. A parser costs some allocations to make, so a busy node reuses them.
final class ParserPool: Sendable {
    /// Each keeps up to some 3 MiB (`STARLING_JSON_KEPT_BYTES` of text, and its tokens at 4 bytes each).
    static let idleCountMax = 8

    private let idle = Mutex<[JSONParser]>([])

    func take() -> JSONParser {
        idle.withLock { $0.popLast() } ?? JSONParser()
    }

    func giveBack(_ parser: JSONParser) {
        idle.withLock { idle in
            if idle.count < Self.idleCountMax { idle.append(parser) }
        }
    }
}
