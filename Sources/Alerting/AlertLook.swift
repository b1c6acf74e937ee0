package import Ports
package import Telemetry

/// What a sender reads in the store.
package struct AlertLook: Hashable, Sendable {
    package struct Request: Hashable, Sendable {
        /// Of a look at the mutes alone everything else is empty.
        package let isFull: Bool
        /// Episodes that touch `from..<to`, and alerts that are not over or ended at `from` or later.
        package let from: Instant
        package let to: Instant
        /// Alerts that began earlier and are not over.
        package let followed: [Followed]

        package init(isFull: Bool, from: Instant, to: Instant, followed: [Followed]) {
            self.isFull = isFull
            self.from = from
            self.to = to
            self.followed = followed
        }

        /// Rows of each kind that are read at most.
        package static let rowsMax = 10_000
    }

    /// Where in the store it stands how an alert goes on.
    package struct Followed: Hashable, Sendable {
        package let alert: String
        /// Of anomalies or of silences.
        package let cause: AnomalyEpisode.Kind
        package let query: AnomalyQuery

        package init(alert: String, cause: AnomalyEpisode.Kind, query: AnomalyQuery) {
            self.alert = alert
            self.cause = cause
            self.query = query
        }
    }

    package let request: Request
    package var mutes: [Mute] = []
    package var alerts: [Alert] = []
    package var deliveries: [AlertDelivery] = []
    package var episodes: [AnomalyEpisode] = []
    /// By alert.
    package var followed: [String: [AnomalyEpisode]] = [:]
    package var activeDevices = 0

    package init(_ request: Request) {
        self.request = request
    }
}
