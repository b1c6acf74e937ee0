import Alerting
import CoreMetrics

/// What the alerts' role counts.
package enum AlertMetrics {
    static let told = Counter(label: "starling_alerts_told_total")
    static let muted = Counter(label: "starling_alerts_muted_total")
    static let grouped = Counter(label: "starling_alerts_grouped_total")
    static let delivered = Counter(label: "starling_alerts_delivered_total")
    static let failed = Counter(label: "starling_alerts_failed_attempts_total")
    static let givenUp = Counter(label: "starling_alerts_given_up_total")
    static let pending = Meter(label: "starling_alerts_pending")
    static let sends = Meter(label: "starling_alerts_sender")

    /// See `NodeMetrics.begin`.
    static func begin() {
        _ = [told, muted, grouped, delivered, failed, givenUp]
        _ = [pending, sends]
    }

    /// For whoever renders them.
    package static let help = [
        "starling_alerts_told_total": "Starts and ends of alerts that this node found and told of.",
        "starling_alerts_muted_total": "Alerts that began while they were muted.",
        "starling_alerts_grouped_total": "Episodes told as a part of a fleet incident.",
        "starling_alerts_delivered_total": "Messages that a receiver took from this node.",
        "starling_alerts_failed_attempts_total": "Messages that a receiver did not take, to be tried again.",
        "starling_alerts_given_up_total": "Messages that were refused, or failed too often or for too long.",
        "starling_alerts_pending": "Messages that wait to be delivered by this node.",
        "starling_alerts_sender": "1 while this node is the one that sends alerts.",
    ]

    static func count(_ note: AlertCore.Note) {
        switch note {
        case .told: told.increment()
        case .muted: muted.increment()
        case .grouped: grouped.increment()
        case .delivered: delivered.increment()
        case .failed: failed.increment()
        case .gaveUp: givenUp.increment()
        }
    }
}
