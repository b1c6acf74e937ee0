import Detection
import Foundation
import Telemetry

/// Judging a reading with the detector of one metric, over series with a day, beside a bare loop that keeps the mean and the
/// deviation of as many statistics.
enum StreamFigures {
    private static let seriesCount = 64
    private static let roundsCount = 4_000
    /// Errors of six forecasts, their running mean and size, the distance, three tails.
    private static let statisticsCount = 12

    static func measure(_ bench: Bench) -> [Figure] {
        let values = values()
        let trained = detector(values)
        let pairs = bench.pairs("stream.assess") {
            var states = [DetectorState](repeating: DetectorState(), count: seriesCount)
            var sum = 0.0
            let seconds = Stopwatch.seconds {
                for round in 0..<roundsCount {
                    let time = time(round)
                    for index in 0..<seriesCount {
                        sum += trained.assess(values[round] + Double(index), at: time, state: &states[index]).score
                    }
                }
            }
            keep(sum)
            return seconds / Double(roundsCount * seriesCount)
        } peer: {
            bareLoop(values)
        }
        return [Figure("stream.assess", unit: "us", better: .less, pairs.map { ($0.ours * 1e6, $0.peer * 1e6) })]
    }

    private static func time(_ round: Int) -> Instant {
        Instant(microseconds: 1_700_000_000_000_000 + Int64(round) * 300_000_000)
    }

    private static func values() -> [Double] {
        var generator = SeededGenerator(seed: 9)
        return (0..<roundsCount).map { round in
            20 + 3 * cos(2 * .pi * Double(round) / 288) + generator.drawUnit() + generator.drawUnit()
        }
    }

    private static func detector(_ values: [Double]) -> Detector {
        var trainer = DetectorTrainer()
        let series = Series(device: DeviceID(unchecked: "d"), metric: Metric(unchecked: "m"))
        for round in 0..<DetectorTrainer.readingsCount {
            trainer.append(values[round], at: time(round), series: series)
        }
        return trainer.train(name: "m", version: 1, seed: 1)
    }

    private static func bareLoop(_ values: [Double]) -> Double {
        var means = [Double](repeating: 0, count: seriesCount * statisticsCount)
        var squares = means
        let seconds = Stopwatch.seconds {
            for value in values {
                for place in means.indices {
                    let error = value - means[place]
                    means[place] += 0.05 * error
                    squares[place] += 0.05 * (error * error - squares[place])
                }
            }
        }
        keep(means.reduce(0, +) + squares.reduce(0) { $0 + $1.squareRoot() })
        return seconds / Double(values.count * seriesCount)
    }
}
