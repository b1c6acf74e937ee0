import FuzzKit
import ReadingFormats

enum Seeds {
    static func all() -> [Seed] {
        let message = Array(#"{"device_id":"d","metrics":[{"type":"t","value":1}]}"#.utf8)
        let packed = GzipEncoder.encode(message)
        let bomb = GzipEncoder.encode([UInt8](repeating: 0x20, count: 1 << 20), level: 9)
        let atLimit = GzipEncoder.encode([UInt8](repeating: 0x20, count: limitBytes), level: 9)
        var flushed: [UInt8] = []
        let encoder = GzipEncoder()
        for byte in message.prefix(12) { encoder.encode([byte], into: &flushed, flush: true) }
        encoder.finish(into: &flushed)
        // Flags for a comment, a name and extra bytes (RFC 1952, 2.3.1), which nobody sends.
        let named: [UInt8] = [0x1F, 0x8B, 8, 0b11100, 0, 0, 0, 0, 0, 3, 2, 0, 65, 66, 110, 0, 99, 0]
        return [
            Seed("message", [16] + packed), Seed("byte-by-byte", [1] + packed),
            Seed("two-members", [7] + packed + packed), Seed("empty-member", [9] + GzipEncoder.encode([])),
            Seed("flushed", [3] + flushed),
            Seed("cut", [5] + packed.dropLast(5)), Seed("trailing-bytes", [5] + packed + [1, 2, 3]),
            Seed("all-header-fields", [5] + named + packed.dropFirst(10)),
            Seed("bomb", [200] + bomb), Seed("as-large-as-allowed", [200] + atLimit),
            Seed("plain", [6] + message),
        ]
    }
}
