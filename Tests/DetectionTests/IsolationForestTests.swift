import Detection
import Telemetry
import Testing

@Suite struct IsolationForestTests {
    static func rows(_ count: Int, features: Int, seed: UInt64 = 1) -> [Double] {
        var generator = SeededGenerator(seed: seed)
        return (0..<(count * features)).map { _ in SeriesKind.gaussian(&generator) }
    }

    @Test func theAveragePathIsThatOfThePaper() {
        #expect(IsolationForest.averagePathLength(0) == 0)
        #expect(IsolationForest.averagePathLength(1) == 0)
        #expect(IsolationForest.averagePathLength(2) == 1)
        #expect(abs(IsolationForest.averagePathLength(256) - 10.244_770_920_6) < 1e-9)
    }

    @Test(arguments: [1, 3, 8]) func whatIsFarAwayIsIsolatedFirst(features: Int) {
        let forest = IsolationForest(fit: Self.rows(1000, features: features), features: features, seed: 7)
        let inside = forest.score([Double](repeating: 0, count: features))
        let outside = forest.score([Double](repeating: 8, count: features))
        #expect(inside > -0.5)
        #expect(outside < -0.65)
        #expect(!forest.isOutlier(score: inside))
        #expect(forest.isOutlier(score: outside))
        #expect(forest.withOffset(-0.9).isOutlier(score: outside) == false)
    }

    @Test(arguments: [1, 2, 3, 8, 13]) func aBatchScoresAsItsRowsDo(features: Int) {
        let forest = IsolationForest(fit: Self.rows(300, features: features), features: features, trees: 37, seed: 7)
        for count in [0, 1, 7, 8, 9, 50] {
            var rows = Self.rows(count, features: features, seed: 2)
            if count > 8 {
                rows[features * 3] = .nan
                rows[features * 5] = .infinity
                rows[features * 6] = -.infinity
            }
            let scores = forest.scores(rows: rows)
            #expect(scores.count == count)
            for (index, score) in scores.enumerated() {
                #expect(score == forest.score(Array(rows[(index * features)..<((index + 1) * features)])))
                #expect(score >= -1 && score <= 0)
            }
        }
    }

    @Test func oneValueScoresAsARowOfOne() {
        let forest = IsolationForest(fit: Self.rows(300, features: 1), features: 1, seed: 7)
        for value in [0, 3, -8, 1e300, .nan, .infinity] { #expect(forest.score(value) == forest.score([value])) }
    }

    /// Every bit, at and beside each split, beyond both ends, and at what is no number.
    @Test(arguments: [1, 2, 3, 40, 400]) func theStepsScoreAsTheTreesDo(count: Int) throws {
        var generator = SeededGenerator(seed: 3)
        for ties in [false, true] {
            let rows = Self.rows(count, features: 1).map { ties ? ($0 * 4).rounded() : $0 }
            let forest = IsolationForest(fit: rows, features: 1, trees: 30, seed: 9)
            var values: [Double] = [0, -0.0, .nan, .infinity, -.infinity, 1e300, -1e300, 1e-300]
            for tree in forest.trees {
                for split in tree.threshold {
                    let float = Float(split)
                    values += [split, Double(float.nextDown), Double(float.nextUp)]
                }
            }
            values += (0..<100).map { _ in SeriesKind.gaussian(&generator) * 2 }
            for value in values { #expect(forest.score(value) == forest.walkedScore(value), "\(value)") }
            #expect(forest.scores(rows: values) == values.map(forest.walkedScore))
        }
    }

    @Test func splitsThatNoValueReachesMakeNoStep() throws {
        // Left of 0 asks about 1, right of 0 about −1: both answers are known.
        let tree = TreeArrays(
            feature: [0, 0, 0, -1, -1, -1, -1], threshold: [0, 1, -1, 0, 0, 0, 0], left: [1, 3, 5, -1, -1, -1, -1],
            right: [2, 4, 6, -1, -1, -1, -1], samples: [9, 5, 4, 1, 4, 2, 2],
            missingLeft: [true, false, true, false, false, false, false])
        let forest = try IsolationForest(trees: [tree, Self.axisLeaf], features: 1, sampleCount: 9)
        for value in [-2, -1, -0.5, 0, 0.5, 1, 2, .nan, .infinity, -.infinity] {
            #expect(forest.score(value) == forest.walkedScore(value), "\(value)")
        }
    }

    static let axisLeaf = TreeArrays(
        feature: [-1], threshold: [0], left: [-1], right: [-1], samples: [9], missingLeft: [false])

    @Test func theSeedDecidesEverything() {
        let rows = Self.rows(500, features: 3)
        #expect(IsolationForest(fit: rows, features: 3, seed: 1) == IsolationForest(fit: rows, features: 3, seed: 1))
        #expect(IsolationForest(fit: rows, features: 3, seed: 1) != IsolationForest(fit: rows, features: 3, seed: 2))
    }

    @Test(arguments: [(1, -0.5), (2, -0.5), (3, -1.0)]) func aHandfulOfRowsIsAForestToo(count: Int, least: Double) {
        let forest = IsolationForest(fit: Self.rows(count, features: 2), features: 2, trees: 10, seed: 1)
        #expect(forest.sampleCount == count)
        let scores = forest.scores(rows: [0, 0, 9, 9, .nan, 1])
        #expect(scores.allSatisfy { $0 >= least && $0 <= 0 })
    }

    @Test func constantColumnsAreNeverSplit() {
        let varied = Self.rows(256, features: 1)
        let rows = varied.flatMap { value -> [Double] in [5, value, -1] }
        let forest = IsolationForest(fit: rows, features: 3, seed: 1)
        #expect(forest.trees.allSatisfy { $0.feature.allSatisfy { $0 == -1 || $0 == 1 } })
        #expect(forest.score([5, 0, -1]) == forest.score([99, 0, 99]))
        let constant = IsolationForest(fit: [Double](repeating: 3, count: 300), features: 3, seed: 1)
        #expect(constant.nodesCount == constant.treesCount)
        #expect(constant.score([3, 3, 3]) == constant.score([4, 4, 4]))
    }

    @Test func missingAndInfiniteTrainingValuesAreTaken() {
        var rows = Self.rows(400, features: 3)
        for index in stride(from: 0, to: rows.count, by: 7) { rows[index] = .nan }
        rows[1] = .infinity
        rows[5] = -.infinity
        rows[8] = 1e300
        let forest = IsolationForest(fit: rows, features: 3, seed: 4)
        #expect(forest.trees.contains { $0.missingLeft.contains(true) })
        let scores = forest.scores(rows: rows)
        #expect(scores.allSatisfy { $0 >= -1 && $0 <= 0 })
        let nothing = IsolationForest(fit: [Double](repeating: .nan, count: 30), features: 3, seed: 4)
        #expect(nothing.score([.nan, 1, 2]) <= 0)
    }

    /// What a tree is, whatever it grew from: every split parts its rows, leaves hold all of them, depth is bounded.
    @Test(arguments: [1, 2, 3, 4] as [UInt64]) func everyTreeHoldsItsSample(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let features = 1 + generator.draw(below: 4)
        let count = 1 + generator.draw(below: 400)
        let rows = (0..<(count * features)).map { _ in Double(generator.draw(below: 12)) }
        let forest = IsolationForest(fit: rows, features: features, trees: 20, sampleCount: 128, seed: seed)
        for tree in forest.trees {
            #expect(tree.samples[0] == min(128, count))
            for node in tree.feature.indices where tree.feature[node] >= 0 {
                let (left, right) = (tree.samples[tree.left[node]], tree.samples[tree.right[node]])
                #expect(left > 0 && right > 0 && left + right == tree.samples[node])
            }
            #expect(depth(of: tree) <= 7)
        }
    }

    private func depth(of tree: TreeArrays, at node: Int = 0) -> Int {
        guard tree.feature[node] >= 0 else { return 0 }
        return 1 + max(depth(of: tree, at: tree.left[node]), depth(of: tree, at: tree.right[node]))
    }

    @Test func arraysBringTheForestBack() throws {
        let forest = IsolationForest(fit: Self.rows(300, features: 3), features: 3, seed: 5)
        let again = try IsolationForest(
            trees: forest.trees, features: 3, sampleCount: forest.sampleCount, offset: forest.offset)
        #expect(again == forest)
    }

    static let leaf = TreeArrays(
        feature: [-1], threshold: [0], left: [-1], right: [-1], samples: [4], missingLeft: [false])
    static let stump = TreeArrays(
        feature: [1, -1, -1], threshold: [0.5, 0, 0], left: [1, -1, -1], right: [2, -1, -1], samples: [4, 3, 1],
        missingLeft: [true, false, false])

    static func changed(_ change: (inout TreeArrays) -> Void) -> TreeArrays {
        var tree = stump
        change(&tree)
        return tree
    }

    static let badTrees: [(tree: TreeArrays, says: String)] = [
        (changed { $0.left[0] = 3 }, "child 3"),
        (changed { $0.left[0] = -1 }, "child -1"),
        (changed { $0.right[0] = Int.max }, "child 9223372036854775807"),
        (changed { $0.left[0] = 0 }, "reached a second time"),
        (changed { $0.right[0] = 1 }, "reached a second time"),
        (changed { $0.feature[0] = 2 }, "feature 2"),
        (changed { $0.feature[0] = -2 }, "feature -2"),
        (changed { $0.feature[0] = -1 }, "leaf"),
        (changed { $0.threshold[0] = .nan }, "threshold"),
        (changed { $0.threshold[0] = .infinity }, "threshold"),
        (changed { $0.samples[1] = -1 }, "-1 samples"),
        (changed { $0.samples[1] = 1 << 40 }, "samples"),
        (changed { $0.samples.removeLast() }, "'samples'"),
        (changed { $0.missingLeft.append(true) }, "'missing_left'"),
        (TreeArrays(feature: [], threshold: [], left: [], right: [], samples: [], missingLeft: []), "no node"),
        (
            changed {
                $0.feature.append(-1)
                $0.threshold.append(0)
                $0.left.append(-1)
                $0.right.append(-1)
                $0.samples.append(1)
                $0.missingLeft.append(false)
            }, "no way leads"
        ),
    ]

    @Test(arguments: badTrees.indices) func badTreesAreRefusedByName(index: Int) throws {
        let (tree, says) = Self.badTrees[index]
        let error = #expect(throws: ForestError.self) {
            try IsolationForest(trees: [Self.leaf, tree], features: 2, sampleCount: 4)
        }
        let text = try #require(error).description
        #expect(text.contains("tree 1") && text.contains(says), "\(text)")
    }

    @Test func badSizesAreRefused() {
        for (trees, features, sampleCount, offset) in [
            ([], 2, 4, -0.5), ([Self.leaf], 0, 4, -0.5), ([Self.leaf], 2, 0, -0.5), ([Self.leaf], 2, 4, .nan),
            ([Self.leaf], IsolationForest.Limit.features + 1, 4, -0.5), ([Self.leaf], 2, 4, -.infinity),
            ([TreeArrays](repeating: Self.leaf, count: IsolationForest.Limit.trees + 1), 2, 4, -0.5),
        ] as [([TreeArrays], Int, Int, Double)] {
            #expect(throws: ForestError.self) {
                try IsolationForest(trees: trees, features: features, sampleCount: sampleCount, offset: offset)
            }
        }
    }

    @Test func aTreeDeeperThanTheLimitIsRefused() {
        func chain(_ steps: Int) -> TreeArrays {
            var tree = TreeArrays(feature: [], threshold: [], left: [], right: [], samples: [], missingLeft: [])
            for step in 0..<steps {
                for isLeaf in [false, true] {
                    tree.feature.append(isLeaf ? -1 : 0)
                    tree.threshold.append(0)
                    tree.left.append(isLeaf ? -1 : 2 * step + 1)
                    tree.right.append(isLeaf ? -1 : 2 * step + 2)
                    tree.samples.append(1)
                    tree.missingLeft.append(false)
                }
            }
            tree.feature.append(-1)
            tree.threshold.append(0)
            tree.left.append(-1)
            tree.right.append(-1)
            tree.samples.append(1)
            tree.missingLeft.append(false)
            return tree
        }
        let limit = IsolationForest.Limit.depth
        #expect(throws: Never.self) { try IsolationForest(trees: [chain(limit)], features: 1, sampleCount: 4) }
        #expect(throws: ForestError.self) {
            try IsolationForest(trees: [chain(limit + 1)], features: 1, sampleCount: 4)
        }
    }

    @Test func aThresholdBetweenTwoFloatsSendsThemApart() throws {
        // 0.1 as a float32 is above 0.1 as a float64: it goes right, as in scikit-learn.
        let tree = Self.changed { $0.threshold[0] = 0.1 }
        let forest = try IsolationForest(trees: [tree], features: 2, sampleCount: 4)
        #expect(forest.score([0, 0.1]) == forest.score([0, 1]))
        #expect(forest.score([0, 0.0999999]) == forest.score([0, -1]))
        #expect(forest.score([0, .nan]) == forest.score([0, -1]))
        #expect(forest.score([0, 1]) != forest.score([0, -1]))
    }
}
