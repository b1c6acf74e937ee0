import LogFormat
import Testing

@Suite struct CRC32CTests {
    /// RFC 3720 appendix B.4, and the check value of the CRC catalogue.
    static let vectors: [(bytes: [UInt8], checksum: UInt32)] = [
        ([], 0),
        (Array("123456789".utf8), 0xE306_9283),
        ([UInt8](repeating: 0, count: 32), 0x8A91_36AA),
        ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
        (Array(0..<32), 0x46DD_794E),
        (Array((0..<32).reversed()), 0x113F_DB5C),
    ]

    @Test(arguments: vectors) func knownVector(bytes: [UInt8], checksum: UInt32) {
        #expect(CRC32C.checksum(of: bytes) == checksum)
    }

    @Test func everyLengthAgreesWithTheDefinition() {
        var samples = Samples(seed: 1)
        let bytes = samples.bytes(count: 200)
        for length in 0...80 {
            for start in [0, 1, 3, 8] {
                let part = Array(bytes[start..<(start + length)])
                #expect(CRC32C.checksum(of: part) == Self.bitByBit(part), "\(length) bytes from \(start)")
            }
        }
    }

    @Test func goesOnFromASeed() {
        var samples = Samples(seed: 2)
        let bytes = samples.bytes(count: 100)
        let whole = CRC32C.checksum(of: bytes)
        for cut in 0...100 {
            let first = CRC32C.checksum(of: Array(bytes[..<cut]))
            #expect(CRC32C.checksum(of: Array(bytes[cut...]), seed: first) == whole)
        }
    }

    private static func bitByBit(_ bytes: [UInt8]) -> UInt32 {
        var register = UInt32.max
        for byte in bytes {
            register ^= UInt32(byte)
            for _ in 0..<8 { register = (register >> 1) ^ (register & 1 == 0 ? 0 : 0x82F6_3B78) }
        }
        return ~register
    }
}
