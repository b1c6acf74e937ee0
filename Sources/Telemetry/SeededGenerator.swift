/// SplitMix64 (Steele, Lea, Flood 2014): small, fast, and the same on every machine for a seed.
///
/// The bounded draws are ours: the standard library may change how it draws, and a seed must replay for ever.
package struct SeededGenerator: RandomNumberGenerator, Hashable, Sendable {
    private var state: UInt64

    package init(seed: UInt64) {
        state = seed
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return Self.mixed(state)
    }

    /// The finaliser of SplitMix64 (a variant of MurmurHash3's): every input bit reaches every output bit.
    package static func mixed(_ word: UInt64) -> UInt64 {
        var word = word
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }

    /// Uniform in 0..<bound (Lemire 2019, with rejection, so there is no bias).
    package mutating func draw(below bound: Int) -> Int {
        precondition(bound > 0, "a draw below \(bound)")
        let bound = UInt64(bound)
        var product = next().multipliedFullWidth(by: bound)
        if product.low < bound {
            let threshold = (0 &- bound) % bound
            while product.low < threshold { product = next().multipliedFullWidth(by: bound) }
        }
        return Int(product.high)
    }

    /// Uniform in [0, 1), 53 bits.
    package mutating func drawUnit() -> Double {
        Double(next() >> 11) * 0x1p-53
    }
}
