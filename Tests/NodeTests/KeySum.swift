import Telemetry

/// A count and a checksum of distinct readings, whatever their order.
struct KeySum: Hashable, Sendable {
    private(set) var count = 0
    private(set) var sum: UInt64 = 0

    mutating func add(device: String, metric: String, time: Int64, value: Double) {
        var hash: UInt64 = 0
        for byte in device.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        hash = SeededGenerator.mixed(hash)
        for byte in metric.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        hash = SeededGenerator.mixed(hash ^ UInt64(bitPattern: time))
        hash = SeededGenerator.mixed(hash ^ value.bitPattern)
        count += 1
        sum &+= hash
    }

    static func + (lhs: KeySum, rhs: KeySum) -> KeySum {
        var both = lhs
        both.count += rhs.count
        both.sum &+= rhs.sum
        return both
    }

    static func - (lhs: KeySum, rhs: KeySum) -> KeySum {
        var rest = lhs
        rest.count -= rhs.count
        rest.sum &-= rhs.sum
        return rest
    }
}
