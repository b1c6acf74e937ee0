package import Telemetry

/// What a kind of sensor measures, as ranges that each device draws its own numbers from. All in the metric's unit.
package struct SignalProfile: Hashable, Sendable {
    package let metric: Metric
    /// The device's mean.
    package let level: ClosedRange<Double>
    /// Half the distance from the night's to the day's value.
    package let dailyAmplitude: ClosedRange<Double>
    /// Hour of the day, UTC, of the highest value.
    package let peakHour: ClosedRange<Double>
    /// Standard deviation of a single reading.
    package let noise: Double
    /// Standard deviation of the slow wander around the daily course (weather, an open window).
    package let wander: Double
    /// How far an injected spike and an injected change of level go, either way.
    package let spike: ClosedRange<Double>
    package let shift: ClosedRange<Double>
    /// What such a sensor can show at all.
    package let bounds: ClosedRange<Double>
    /// Steps a unit: 100 shows two decimals, as the sensor does.
    package let resolution: Double

    /// °C in a room.
    package static let temperature = SignalProfile(
        metric: Metric(unchecked: "temperature"), level: 18...26, dailyAmplitude: 1.5...4, peakHour: 14...16,
        noise: 0.15, wander: 0.4, spike: 8...20, shift: 4...8, bounds: -40...125, resolution: 100)

    /// Relative humidity in %; falls while the temperature rises.
    package static let humidity = SignalProfile(
        metric: Metric(unchecked: "humidity"), level: 38...62, dailyAmplitude: 3...7, peakHour: 3...5,
        noise: 0.5, wander: 1.2, spike: 18...35, shift: 10...18, bounds: 0...100, resolution: 10)

    /// What every simulated device sends, in this order.
    package static let usual = [temperature, humidity]
}
