import Foundation
import Telemetry
import Testing

/// Shapes of clean series, for tables: what a fleet's devices send while nothing is wrong.
enum SeriesKind: String, CaseIterable, CustomTestStringConvertible {
    case gaussian
    /// A day of 5 °C either way, noise of 0.3 °C, a reading each 5 minutes, or each second.
    case dayEach5Minutes, dayEachSecond
    case randomWalk
    case constant
    case wholeNumbers, rareWholeNumbers, tenthsOfADay

    var testDescription: String { rawValue }

    /// The deviation of what is no pattern: sizes of faults are multiples of it.
    var deviation: Double {
        switch self {
        case .gaussian, .randomWalk, .constant: 1
        case .dayEach5Minutes, .dayEachSecond, .tenthsOfADay: 0.3
        case .wholeNumbers: 1.5
        case .rareWholeNumbers: 0.5
        }
    }

    var intervalSeconds: Int {
        self == .dayEach5Minutes ? 300 : 1
    }

    func values(count: Int, generator: inout SeededGenerator) -> [Double] {
        var walk = 20.0
        let phase = generator.drawUnit()
        return (0..<count).map { index in
            let noise = Self.gaussian(&generator)
            let day = sin(2 * .pi * (Double(index * intervalSeconds) / 86400 + phase))
            switch self {
            case .gaussian: return 20 + noise
            case .dayEach5Minutes, .dayEachSecond: return 20 + 5 * day + 0.3 * noise
            case .randomWalk:
                walk += noise
                return walk
            case .constant: return 20.37
            case .wholeNumbers: return (20 + 1.5 * noise).rounded()
            case .rareWholeNumbers: return (20 + 0.2 * noise).rounded()
            case .tenthsOfADay: return ((20 + 5 * day + 0.02 * noise) * 10).rounded() / 10
            }
        }
    }

    /// Box and Muller.
    static func gaussian(_ generator: inout SeededGenerator) -> Double {
        (-2 * log(1 - generator.drawUnit())).squareRoot() * cos(2 * .pi * generator.drawUnit())
    }
}
