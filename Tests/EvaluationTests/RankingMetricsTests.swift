import Evaluation
import Telemetry
import Testing

@Suite struct RankingMetricsTests {
    static let table: [(scores: [Double], labels: [Bool], auc: Double, ap: Double)] = [
        ([0.1, 0.4, 0.35, 0.8], [false, false, true, true], 0.75, 0.5 + 0.5 * 2 / 3),
        ([1, 2, 3, 4], [false, false, true, true], 1, 1),
        ([4, 3, 2, 1], [false, false, true, true], 0, 0.5 / 3 + 0.5 * 2 / 4),
        ([5, 5, 5, 5], [false, true, false, false], 0.5, 0.25),
        ([1, 2, 2, 3], [false, false, true, true], 0.875, 0.5 + 0.5 * 2 / 3),
        ([-.infinity, 0, .infinity], [false, true, false], 0.5, 0.5),
    ]

    @Test(arguments: table.indices) func smallCasesByHand(index: Int) throws {
        let (scores, labels, auc, ap) = Self.table[index]
        #expect(try abs(ROCAUC.of(scores: scores, labels: labels) - auc) < 1e-15)
        #expect(try abs(AveragePrecision.of(scores: scores, labels: labels) - ap) < 1e-15)
    }

    static func drawn(seed: UInt64) -> (scores: [Double], labels: [Bool]) {
        var generator = SeededGenerator(seed: seed)
        let count = 2 + generator.draw(below: 200)
        let levels = 1 + generator.draw(below: 30)
        var labels = (0..<count).map { _ in generator.draw(below: 4) == 0 }
        (labels[0], labels[1]) = (true, false)
        return ((0..<count).map { _ in Double(generator.draw(below: levels)) }, labels)
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>) func theAreaIsTheShareOfPairsInOrder(seed: UInt64) throws {
        let (scores, labels) = Self.drawn(seed: seed)
        var (sum, pairs) = (0.0, 0.0)
        for anomaly in scores.indices where labels[anomaly] {
            for ordinary in scores.indices where !labels[ordinary] {
                pairs += 1
                sum += scores[anomaly] > scores[ordinary] ? 1 : scores[anomaly] == scores[ordinary] ? 0.5 : 0
            }
        }
        #expect(try abs(ROCAUC.of(scores: scores, labels: labels) - sum / pairs) < 1e-12)
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>) func onlyTheOrderCounts(seed: UInt64) throws {
        let (scores, labels) = Self.drawn(seed: seed)
        let reversed = (Array(scores.reversed()), Array(labels.reversed()))
        let squeezed = scores.map { $0 / 1000 - 3 }
        let area = try ROCAUC.of(scores: scores, labels: labels)
        #expect((0...1).contains(area))
        #expect(try abs(ROCAUC.of(scores: reversed.0, labels: reversed.1) - area) < 1e-12)
        #expect(try abs(ROCAUC.of(scores: squeezed, labels: labels) - area) < 1e-12)
        let precision = try AveragePrecision.of(scores: scores, labels: labels)
        #expect((0...1).contains(precision))
        #expect(try abs(AveragePrecision.of(scores: reversed.0, labels: reversed.1) - precision) < 1e-12)
        #expect(try abs(AveragePrecision.of(scores: squeezed, labels: labels) - precision) < 1e-12)
        #expect(try abs(ROCAUC.of(scores: scores.map { -$0 }, labels: labels) - (1 - area)) < 1e-12)
    }

    @Test func whatCannotBeRankedIsRefused() {
        for (scores, labels, error) in [
            ([1, 2], [true], .unequalCounts(what: "labels", count: 1, expected: 2)),
            ([1, .nan], [true, false], .notANumber(row: 1)),
            ([1, 2], [true, true], .oneKindOnly(anomalies: 2, rows: 2)),
            ([1, 2], [false, false], .oneKindOnly(anomalies: 0, rows: 2)),
            ([], [], .oneKindOnly(anomalies: 0, rows: 0)),
        ] as [([Double], [Bool], EvaluationError)] {
            #expect(throws: error) { try ROCAUC.of(scores: scores, labels: labels) }
            #expect(throws: error) { try AveragePrecision.of(scores: scores, labels: labels) }
        }
    }
}
