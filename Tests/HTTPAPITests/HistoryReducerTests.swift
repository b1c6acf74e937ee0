import Ports
import Telemetry
import Testing

@testable import HTTPAPI

@Suite struct HistoryReducerTests {
    private static func series(seed: UInt64, count: Int, anomalyShare: Double) -> [HistoryPoint] {
        var generator = SeededGenerator(seed: seed)
        var time = FakeNode.start
        return (0..<count).map { _ in
            time = time.advanced(byMicroseconds: Int64(1 + generator.draw(below: 5_000_000)))
            let isAnomaly = generator.drawUnit() < anomalyShare
            return HistoryPoint(
                time: time, value: generator.drawUnit() * 100 - 50, score: generator.drawUnit(),
                result: isAnomaly ? .anomaly : .normal)
        }
    }

    @Test(arguments: [1, 2, 3, 10, 100, 1000], [0.0, 0.001, 0.2, 1.0])
    func itKeepsTheShapeWithinTheLimit(limit: Int, share: Double) {
        let all = Self.series(seed: UInt64(limit) &+ UInt64(share * 1000), count: 4_000, anomalyShare: share)
        var reducer = HistoryReducer(pointsMax: limit)
        for point in all { reducer.add(point) }
        let kept = reducer.finish()

        #expect(kept.count <= limit)
        #expect(kept.count >= max(1, limit / 2) - 1)
        #expect(kept.map(\.time) == kept.map(\.time).sorted())
        #expect(Set(kept).isSubset(of: Set(all)))
        #expect(Set(kept).count == kept.count)
        let anomalies = all.filter { $0.result == .anomaly }
        let keptAnomalies = kept.filter { $0.result == .anomaly }
        if anomalies.count <= limit {
            #expect(keptAnomalies == anomalies)
        } else {
            #expect(keptAnomalies.count >= limit / 2)
            #expect(keptAnomalies.map(\.score).max() == anomalies.map(\.score).max())
        }
        // With room for both ends of each stretch, the extremes of the whole are among those kept.
        if limit >= anomalies.count + 2 {
            let others = all.filter { $0.result != .anomaly }.map(\.value)
            #expect(kept.map(\.value).min() ?? 0 <= others.min() ?? 0)
            #expect(kept.map(\.value).max() ?? 0 >= others.max() ?? 0)
        }
    }

    @Test func fewPointsAreAllKept() {
        let all = Self.series(seed: 5, count: 100, anomalyShare: 0.5)
        var reducer = HistoryReducer(pointsMax: 100)
        for point in all { reducer.add(point) }
        #expect(reducer.finish() == all)
    }

    @Test func timesAtBothEndsOfTimeDoNotTrap() {
        var reducer = HistoryReducer(pointsMax: 2)
        for time in [Int64.min, Int64.min + 1, -1, 0, 1, Int64.max - 1, Int64.max] {
            reducer.add(
                HistoryPoint(time: Instant(microseconds: time), value: Double(time), score: 0, result: .normal))
        }
        #expect(reducer.finish().count <= 2)
    }
}
