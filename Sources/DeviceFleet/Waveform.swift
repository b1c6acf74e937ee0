import Foundation
package import Telemetry

/// One metric of one simulated device: level + daily course + slow wander + noise, and now and then an anomaly.
///
/// All draws come from the seed, so the same seed and the same times give the same readings.
package struct Waveform: Sendable {
    package let profile: SignalProfile
    private let level: Double
    private let amplitude: Double
    private let peakHour: Double
    private let anomalyRate: Double
    private var wander = 0.0
    private var generator: SeededGenerator
    private var anomaly: InjectedAnomaly?
    package private(set) var anomaliesCount = 0

    /// - Parameter anomalyRate: the chance, 0 to 1, that a reading starts an anomaly while none is under way.
    package init(profile: SignalProfile, anomalyRate: Double, seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        self.profile = profile
        self.anomalyRate = anomalyRate
        level = Self.draw(in: profile.level, using: &generator)
        amplitude = Self.draw(in: profile.dailyAmplitude, using: &generator)
        peakHour = Self.draw(in: profile.peakHour, using: &generator)
        self.generator = generator
    }

    package mutating func next(at time: Instant) -> Double {
        let clean = cleanValue(at: time)
        if anomaly == nil, generator.drawUnit() < anomalyRate {
            anomaly = InjectedAnomaly(profile: profile, using: &generator)
            anomaliesCount += 1
        }
        guard var current = anomaly else { return shown(clean) }
        let value = shown(current.apply(to: clean))
        anomaly = current.isOver ? nil : current
        return value
    }

    /// What an undisturbed sensor would see. The wander is an AR(1) walk with a memory of about 200 readings, scaled so
    /// that its own standard deviation is the profile's.
    private mutating func cleanValue(at time: Instant) -> Double {
        let memory = 0.995
        wander = memory * wander + profile.wander * (1 - memory * memory).squareRoot() * drawNormal()
        return level + dailyCourse(at: time) + wander + profile.noise * drawNormal()
    }

    /// A cosine with its top at the peak hour.
    private func dailyCourse(at time: Instant) -> Double {
        let dayMicroseconds = 86_400_000_000.0
        let day = Double(time.microseconds).truncatingRemainder(dividingBy: dayMicroseconds) / dayMicroseconds
        return amplitude * cos(2 * .pi * (day - peakHour / 24))
    }

    private func shown(_ value: Double) -> Double {
        let bounded = min(max(value, profile.bounds.lowerBound), profile.bounds.upperBound)
        return (bounded * profile.resolution).rounded() / profile.resolution
    }

    /// Box and Muller 1958, one of the pair.
    private mutating func drawNormal() -> Double {
        let radius = (-2 * log(1 - generator.drawUnit())).squareRoot()
        return radius * cos(2 * .pi * generator.drawUnit())
    }

    static func draw(in range: ClosedRange<Double>, using generator: inout SeededGenerator) -> Double {
        range.lowerBound + (range.upperBound - range.lowerBound) * generator.drawUnit()
    }
}
