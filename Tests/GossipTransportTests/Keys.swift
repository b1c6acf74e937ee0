import ClusterKeys
import Foundation
import Telemetry
import Testing

@testable import GossipTransport

enum Keys {
    static func ring(_ bytes: UInt8...) throws -> KeyRing {
        try #require(
            KeyRing(base64: bytes.map { Data(repeating: $0, count: KeyRing.keyBytes).base64EncodedString() }))
    }
}

/// A sender with its own chance, so that a failure comes again.
struct Sender {
    var random: SeededGenerator
    var sealer: DatagramSealer

    init(_ keys: KeyRing, seed: UInt64 = 1, firstCounter: UInt64 = 0) {
        random = SeededGenerator(seed: seed)
        sealer = DatagramSealer(keys, using: &random, firstCounter: firstCounter)
    }

    mutating func seal(_ plain: [UInt8]) throws -> [UInt8] { try sealer.seal(plain, using: &random) }
}
