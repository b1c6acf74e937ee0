package import Telemetry

/// What a detector remembers of one series.
///
/// It belongs to the series, not to a version of a model: when a metric's model is replaced, its series go on.
package struct DetectorState: Hashable, Sendable {
    private(set) var residual: EWMAResidual

    /// Of a series that sent nothing yet.
    package init() {
        residual = EWMAResidual()
    }

    private init(residual: EWMAResidual) {
        self.residual = residual
    }

    /// Takes in a reading of a metric that has no model yet. A series whose readings are all shown is warm on the day
    /// its metric's model arrives; otherwise its first readings after that pass unjudged.
    package mutating func learn(_ value: Double, at time: Instant) {
        residual.update(with: value, at: time, typical: 0)
    }

    mutating func update(with value: Double, at time: Instant, world: MetricWorld) {
        residual.update(
            with: value, at: time, typical: world.typicalDeviation,
            isForeign: world.isForeign(value, to: residual))
    }

    private static let version: UInt8 = 1

    /// Versioned bytes for hand-over and for the store.
    package func encoded() -> [UInt8] {
        [Self.version] + residual.encoded()
    }

    /// - Returns: nil unless the bytes are a state of a version known here; the series then starts anew.
    package init?(decoding bytes: some Collection<UInt8>) {
        // States come by the thousand when a node warms up: one look at the count before anything is copied.
        guard bytes.count == 1 + EWMAResidual.encodedCount, bytes.first == Self.version,
            let residual = EWMAResidual(decoding: bytes.dropFirst())
        else { return nil }
        self.init(residual: residual)
    }
}
