import Telemetry

/// Deals columns to nodes: each depth from a deck of its own that holds every column once.
///
/// Any one draw is as uniform as without a deck, but over many trees no column is favoured by luck.
struct FeatureDeck: ~Copyable {
    private let features: Int
    /// Per depth, all columns in some order; the first `left[depth]` of them are still to be dealt.
    private var decks: [Int]
    private var left: [Int]

    init(features: Int, depths: Int) {
        self.features = features
        decks = (0..<depths * features).map { $0 % features }
        left = Array(repeating: features, count: depths)
    }

    /// The next column for a node at a depth, 0 for the root.
    mutating func deal(depth: Int, using generator: inout SeededGenerator) -> Int {
        if left[depth] == 0 { left[depth] = features }
        let start = depth * features
        let drawn = start + (left[depth] == 1 ? 0 : generator.draw(below: left[depth]))
        left[depth] -= 1
        let last = start + left[depth]
        decks.swapAt(drawn, last)
        return decks[last]
    }
}
