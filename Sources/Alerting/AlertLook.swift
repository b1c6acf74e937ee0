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
        /// Incidents that the sender knows.
        package let known: Set<String>

        package init(isFull: Bool, from: Instant, to: Instant, followed: [Followed], known: Set<String> = []) {
            self.isFull = isFull
            self.from = from
            self.to = to
            self.followed = followed
            self.known = known
        }

        /// Rows of each kind that are read at most.
        package static let rowsMax = 10_000
        /// Incidents of another sender that one look asks for.
        package static let unknownMax = 50
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

        /// All that begins from an alert's start to its last episode's.
        init(_ alert: Alert, device: DeviceID? = nil) {
            self.init(
                alert: alert.id, cause: alert.cause,
                query: AnomalyQuery(
                    from: alert.episode.start, to: alert.through.advanced(byMicroseconds: 1), device: device,
                    metric: alert.episode.series.metric, limit: Request.rowsMax))
        }
    }

    package let request: Request
    package var mutes: [Mute] = []
    package var alerts: [Alert] = []
    package var deliveries: [AlertDelivery] = []
    package var episodes: [AnomalyEpisode] = []
    /// Where there were more anomalous readings than one answer has: the first of those that it has.
    package var cutAt: Instant?
    /// By alert.
    package var followed: [String: [AnomalyEpisode]] = [:]
    /// Those of `followed` of which there is more than one answer has.
    package var partial: Set<String> = []
    package var activeDevices = 0

    package init(_ request: Request) {
        self.request = request
    }

    /// What to ask for beside what was requested, once `alerts` are read: incidents of another sender. What a look at the
    /// present shows of their members is cut off where it begins, and says nothing of who belongs to them.
    package var unknownIncidents: [Followed] {
        let open = alerts.filter {
            $0.episode.kind == .fleet && $0.episode.end == nil && !request.known.contains($0.id)
        }
        return open.sorted { $0.id < $1.id }.prefix(Request.unknownMax).map { Followed($0) }
    }

    /// An anomaly of `episodes` that starts before this may have begun earlier than is seen.
    func cut(_ margin: Int64) -> Instant {
        max(request.from, cutAt ?? request.from).advanced(byMicroseconds: margin)
    }
}
