package import Telemetry

/// One of the fixed parts into which the devices are divided; the unit of ownership and of hand-over.
package struct Slot: Hashable, Comparable, Sendable {
    package static let count = 4096
    package let number: UInt16

    /// - Precondition: `number` is below `count`. Decoders check first.
    package init(_ number: UInt16) {
        precondition(number < Self.count, "slot \(number)")
        self.number = number
    }

    /// The slot of a device: the same for ever, on every node, in every version (the store keeps it in a column).
    package init(of device: DeviceID) {
        number = UInt16(truncatingIfNeeded: DeviceHash.hash(device) >> 52)
    }

    package static func < (lhs: Slot, rhs: Slot) -> Bool {
        lhs.number < rhs.number
    }
}

/// Our fixed 64-bit hash of names: FNV-1a 64 over the bytes, then SplitMix64's finaliser, because FNV's high bits
/// alone are poor for short names. `Hasher` is seeded per process: two nodes would disagree.
package enum DeviceHash {
    package static func hash(_ device: DeviceID) -> UInt64 {
        hash(device.text, seed: 0)
    }

    package static func hash(_ text: String, seed: UInt64) -> UInt64 {
        var word: UInt64 = 0xCBF2_9CE4_8422_2325 ^ seed
        for byte in text.utf8 {
            word = (word ^ UInt64(byte)) &* 0x100_0000_01B3
        }
        return SeededGenerator.mixed(word)
    }
}
