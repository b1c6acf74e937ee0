package import Telemetry

/// One message: what a device measured at one time.
package struct DeviceMessage: Hashable, Sendable {
    package let time: Instant
    /// In the order of the device's profiles.
    package let values: [Double]

    package init(time: Instant, values: [Double]) {
        self.time = time
        self.values = values
    }
}

/// A device that never existed: its name and its waveforms.
package struct SimulatedDevice: Sendable {
    package let id: DeviceID
    private var waveforms: [Waveform]

    /// - Parameters:
    ///   - index: which device of the fleet; with `seed` it fixes everything the device will ever measure.
    package init(
        id: DeviceID, index: Int, anomalyRate: Double, seed: UInt64, profiles: [SignalProfile] = SignalProfile.usual
    ) {
        self.id = id
        let own = Self.seed(of: index, in: seed)
        waveforms = profiles.enumerated().map { position, profile in
            Waveform(
                profile: profile, anomalyRate: anomalyRate,
                seed: SeededGenerator.mixed(own &+ UInt64(position) &+ 1))
        }
    }

    package var metrics: [Metric] { waveforms.map(\.profile.metric) }
    package var anomaliesCount: Int { waveforms.reduce(0) { $0 + $1.anomaliesCount } }

    package mutating func message(at time: Instant) -> DeviceMessage {
        DeviceMessage(time: time, values: waveforms.indices.map { waveforms[$0].next(at: time) })
    }

    /// A seed of its own for each device of a fleet.
    package static func seed(of index: Int, in seed: UInt64) -> UInt64 {
        SeededGenerator.mixed(seed ^ SeededGenerator.mixed(UInt64(truncatingIfNeeded: index)))
    }

    /// `device-01`, `device-02`, …: numbered from 1, zero-padded to the width of `count`, at least two digits, so that
    /// names sort as numbers do.
    package static func name(index: Int, of count: Int) -> String {
        let width = max(2, String(count).utf8.count)
        let digits = String(index + 1)
        return "device-" + String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
}
