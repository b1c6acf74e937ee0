/// Sorted numbers as a tree of blocks of sixteen: "how many are below this one" in four steps for up to 65,000 of them,
/// each one comparison of a whole block. Halving takes sixteen steps, and the processor guesses half of them wrong.
///
/// A block of the upper levels holds the greatest number of each of sixteen blocks below it. Places left over hold
/// infinity, which is below nothing; every level ends with one, so that no way leads past its end.
struct SplitIndex: Hashable, Sendable {
    private typealias Block = SIMD16<Float>
    private static let width = Block.scalarCount

    /// Level after level, the root first.
    private var blocks: [Block] = []
    /// Where each level begins in `blocks`.
    private var levels: [Int] = []

    /// - Parameter sorted: rising, without NaN and infinities.
    init(_ sorted: [Float]) {
        var levels = [Self.level(sorted)]
        while let lowest = levels.last, lowest.count > 1 {
            levels.append(Self.level(lowest.dropLast().map { $0[Self.width - 1] }))
        }
        for level in levels.reversed() {
            self.levels.append(blocks.count)
            blocks += level
        }
    }

    private static func level(_ sorted: [Float]) -> [Block] {
        let count = sorted.count / width + 1
        return (0..<count).map { block in
            var keys = Block(repeating: .infinity)
            for index in block * width..<min((block + 1) * width, sorted.count) {
                keys[index - block * width] = sorted[index]
            }
            return keys
        }
    }

    /// How many of the numbers are below the value; NaN has none below it.
    ///
    /// Unchecked in release builds: a place is at most the count of its level's numbers, one less than that of the
    /// next level's blocks.
    @inline(__always)
    func countBelow(_ value: Float) -> Int {
        blocks.withUnsafeBufferPointer { blocks in
            levels.withUnsafeBufferPointer { levels in
                let value = Block(repeating: value)
                var place = 0
                for first in levels {
                    let isBelow = blocks[first &+ place] .< value
                    let ones = SIMD16<Int32>.zero.replacing(with: .one, where: isBelow)
                    place = place &* Self.width &+ Int(ones.wrappedSum())
                }
                return place
            }
        }
    }
}

extension SIMD16<Int32> {
    fileprivate static var one: Self { Self(repeating: 1) }
}
