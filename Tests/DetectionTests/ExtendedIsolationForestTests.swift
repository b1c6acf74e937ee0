import Detection
import Telemetry
import Testing

@Suite struct ExtendedIsolationForestTests {
    static func rows(_ count: Int, features: Int, seed: UInt64 = 1) -> [Double] {
        IsolationForestTests.rows(count, features: features, seed: seed)
    }

    @Test(arguments: [1, 2, 3, 8]) func fartherIsThinner(features: Int) {
        let forest = ExtendedIsolationForest(fit: Self.rows(1000, features: features), features: features, seed: 7)
        let scores = [0, 3, 6, 12, 100, 1e6].map { forest.score([Double](repeating: $0, count: features)) }
        #expect(scores[0] < 0.5)
        #expect(scores == scores.sorted())
        #expect(Set(scores).count == scores.count)
    }

    /// Two columns that rise together: a row off their line is ordinary in each.
    @Test func whatIsUnusualOnlyTogetherIsSeen() {
        var generator = SeededGenerator(seed: 5)
        let rows = (0..<1000).flatMap { _ -> [Double] in
            let value = SeriesKind.gaussian(&generator)
            return [value, value + 0.05 * SeriesKind.gaussian(&generator)]
        }
        let forest = ExtendedIsolationForest(fit: rows, features: 2, seed: 1)
        let training = forest.scores(rows: rows).sorted()
        #expect(forest.score([1, -1]) > training[990])
        #expect(forest.score([1, 1]) < training[900])
    }

    @Test(arguments: [1, 2, 3, 8]) func aBatchScoresAsItsRowsDo(features: Int) {
        let forest = ExtendedIsolationForest(
            fit: Self.rows(300, features: features), features: features, trees: 37, seed: 7)
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
                #expect(score >= 0 && score <= 1)
            }
        }
    }

    @Test func theSeedDecidesEverything() {
        let rows = Self.rows(500, features: 3)
        let forest = ExtendedIsolationForest(fit: rows, features: 3, seed: 1)
        #expect(forest == ExtendedIsolationForest(fit: rows, features: 3, seed: 1))
        #expect(forest != ExtendedIsolationForest(fit: rows, features: 3, seed: 2))
    }

    @Test func unitsDoNotMatter() {
        // Powers of two, so that the values scaled are the same bits but for their exponents.
        let rows = Self.rows(500, features: 3)
        let units = [1024, 1, 0.03125]
        let scaled = rows.indices.map { rows[$0] * units[$0 % 3] }
        let forest = ExtendedIsolationForest(fit: rows, features: 3, seed: 1)
        let again = ExtendedIsolationForest(fit: scaled, features: 3, seed: 1)
        for (one, other) in zip(forest.scores(rows: rows), again.scores(rows: scaled)) {
            #expect(abs(one - other) < 1e-9)
        }
    }

    /// With all rows in every sample their order cannot matter to what forests mean, only to which one is drawn.
    @Test func theOrderOfRowsDoesNotMatterMuch() {
        let rows = Self.rows(256, features: 2)
        let reversed = (0..<256).reversed().flatMap { rows[$0 * 2..<$0 * 2 + 2] }
        let one = ExtendedIsolationForest(fit: rows, features: 2, seed: 3).scores(rows: [0, 0, 5, 5])
        let other = ExtendedIsolationForest(fit: Array(reversed), features: 2, seed: 3).scores(rows: [0, 0, 5, 5])
        for (one, other) in zip(one, other) { #expect(abs(one - other) < 0.05) }
    }

    @Test(arguments: [1, 2, 3]) func aHandfulOfRowsIsAForestToo(count: Int) {
        let forest = ExtendedIsolationForest(fit: Self.rows(count, features: 2), features: 2, trees: 10, seed: 1)
        #expect(forest.sampleCount == count)
        #expect(forest.scores(rows: [0, 0, 9, 9, .nan, 1]).allSatisfy { (0...1).contains($0) })
        if count == 1 { #expect(forest.score([5, 5]) == 0.5) }
    }

    @Test func constantColumnsAreNeverAskedForAndEqualRowsNeverParted() {
        let rows = Self.rows(256, features: 1).flatMap { value -> [Double] in [5, value, -1] }
        let forest = ExtendedIsolationForest(fit: rows, features: 3, seed: 1)
        #expect(forest.score([5, 0, -1]) == forest.score([99, 0, 99]))
        let constant = ExtendedIsolationForest(fit: [Double](repeating: 3, count: 300), features: 3, seed: 1)
        #expect(constant.nodesCount == constant.treesCount)
        #expect(constant.score([3, 3, 3]) == 0.5)
        #expect(constant.score([4, 4, 4]) == 0.5)
        // Many copies of one row are as dense as it gets; a row of its own is not.
        let copies = [Double](repeating: 1, count: 600) + Self.rows(40, features: 3)
        let mixed = ExtendedIsolationForest(fit: copies, features: 3, seed: 1)
        #expect(mixed.score([1, 1, 1]) < mixed.score([-1, 0, 1]))
    }

    @Test func missingInfiniteAndHugeValuesAreTaken() {
        var rows = Self.rows(400, features: 3)
        for index in stride(from: 0, to: rows.count, by: 7) { rows[index] = .nan }
        (rows[1], rows[5], rows[8], rows[11]) = (.infinity, -.infinity, 1e300, 1e-300)
        let forest = ExtendedIsolationForest(fit: rows, features: 3, seed: 4)
        let asked = rows + [.nan, .nan, .nan, 1e300, -1e300, .infinity, 1e-45, -1e-45, 0]
        #expect(forest.scores(rows: asked).allSatisfy { (0...1).contains($0) })
        #expect(forest.sparsities(rows: asked).allSatisfy { $0.isFinite })
        let nothing = ExtendedIsolationForest(fit: [Double](repeating: .nan, count: 30), features: 3, seed: 4)
        #expect(nothing.score([.nan, 1, 2]) == 0.5)
        // Tiny and neighbouring values: ranges as small as numbers are.
        let tiny = (0..<300).map { Double(Float.leastNonzeroMagnitude) * Double($0 % 3) }
        let small = ExtendedIsolationForest(fit: tiny, features: 3, seed: 4)
        #expect(small.sparsities(rows: [0, 1, .infinity, 1e-45, 0, .nan]).allSatisfy { $0.isFinite })
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64]) func drawnTablesScoreWithinZeroAndOne(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let features = 1 + generator.draw(below: 4)
        let values: [Double] = [.nan, .infinity, -.infinity, 0, -0.0, 1, 1 + 1e-7, 1e30, -1e-40, 3, 3, 3]
        let rows = (0..<(features * (1 + generator.draw(below: 300)))).map { _ in
            values[generator.draw(below: values.count)]
        }
        let forest = ExtendedIsolationForest(fit: rows, features: features, trees: 20, sampleCount: 128, seed: seed)
        #expect(forest.sparsities(rows: rows).allSatisfy { $0.isFinite })
        #expect(forest.scores(rows: rows).allSatisfy { (0...1).contains($0) })
    }
}
