import Telemetry

/// A fault put into a waveform on purpose.
struct InjectedAnomaly: Sendable {
    enum Kind: Hashable, Sendable {
        /// One reading far off.
        case spike(offset: Double)
        /// Everything moved for a while.
        case level(offset: Double)
        /// The sensor shows the same value again and again; nil until its first reading.
        case stuck(value: Double?)
    }

    private(set) var kind: Kind
    private var readingsLeft: Int

    /// How long the two lasting kinds last, in readings.
    static let levelReadings = 10...60
    static let stuckReadings = 20...120

    init(profile: SignalProfile, using generator: inout SeededGenerator) {
        let sign: Double = generator.draw(below: 2) == 0 ? -1 : 1
        switch generator.draw(below: 3) {
        case 0:
            kind = .spike(offset: sign * Waveform.draw(in: profile.spike, using: &generator))
            readingsLeft = 1
        case 1:
            kind = .level(offset: sign * Waveform.draw(in: profile.shift, using: &generator))
            readingsLeft = Self.levelReadings.lowerBound + generator.draw(below: Self.levelReadings.count)
        default:
            kind = .stuck(value: nil)
            readingsLeft = Self.stuckReadings.lowerBound + generator.draw(below: Self.stuckReadings.count)
        }
    }

    var isOver: Bool { readingsLeft <= 0 }

    mutating func apply(to clean: Double) -> Double {
        readingsLeft -= 1
        switch kind {
        case .spike(let offset), .level(let offset): return clean + offset
        case .stuck(let value):
            kind = .stuck(value: value ?? clean)
            return value ?? clean
        }
    }
}
