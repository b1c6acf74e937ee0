package import Telemetry

/// Where alerts are kept: what was found, what is still to be sent, and what is muted.
package protocol AlertStore: Sendable {
    /// In one transaction. An alert that is known is brought up to date unless it is over; its fate stays. A delivery that
    /// is known takes state, attempts and time, unless it is through; one of `known` is not added. What is long over is
    /// forgotten, a part with each call.
    /// - Returns: the deliveries that were not known before.
    func record(_ change: AlertChange) async throws(StoreError) -> Set<AlertDelivery.Key>

    /// Alerts that are not over or ended at `time` or later: the latest start first, at most `limit`.
    func alerts(endedSince time: Instant, limit: Int) async throws(StoreError) -> [Alert]

    /// Fleet incidents that touch `from..<to`, the latest start first, at most `limit`, by device and metric if given.
    func incidents(_ query: AnomalyQuery) async throws(StoreError) -> [Alert]

    /// Deliveries to `targets` that were made after `time` and are not through, the oldest first, at most `limit`.
    func pendingDeliveries(
        to targets: [String], after time: Instant, limit: Int
    ) async throws(StoreError) -> [AlertDelivery]

    /// Adds a mute, or replaces the one of the same scope. What is out of force is forgotten.
    /// - Returns: false if there are too many.
    func mute(_ mute: Mute) async throws(StoreError) -> Bool

    /// - Returns: false if there is no such mute.
    func unmute(_ scope: Mute.Scope) async throws(StoreError) -> Bool

    /// Those with an end, by it, then the others; those out of force among them.
    func mutes() async throws(StoreError) -> [Mute]
}

/// How long alerts are kept, for every store.
package enum AlertKeeping {
    /// After its end, in microseconds.
    package static let alertsKept: Int64 = 30 * 86_400_000_000
    /// A delivery, after it was made.
    package static let deliveriesKept: Int64 = 7 * 86_400_000_000
    /// Rows of each kind that one call forgets.
    package static let forgottenMax = 1_000
}
