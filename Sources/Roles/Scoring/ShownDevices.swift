package import Telemetry

/// Silent devices that a person brought out of hiding: for `inactiveAfter` they count as active, as if they were heard.
package struct ShownDevices: Hashable, Sendable {
    /// Devices remembered; the one that was shown first goes first.
    package static let countMax = 10_000

    private var times: [DeviceID: Instant] = [:]

    package init() {}

    package var isEmpty: Bool { times.isEmpty }
    package subscript(device: DeviceID) -> Instant? { times[device] }

    /// - Parameter inactiveAfter: in microseconds; whoever was shown longer ago is forgotten.
    package mutating func show(_ device: DeviceID, at now: Instant, inactiveAfter: Int64) {
        times = times.filter { now.microseconds(since: $0.value) <= inactiveAfter }
        times[device] = now
        guard times.count > Self.countMax, let first = times.min(by: { $0.value < $1.value }) else { return }
        times[first.key] = nil
    }
}
