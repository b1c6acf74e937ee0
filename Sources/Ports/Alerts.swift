package import Telemetry

/// An episode that concerns people, or a fleet incident: many devices that began theirs together.
package struct Alert: Hashable, Sendable {
    /// What becomes of it. Raw values are in the store: never renumber.
    package enum Fate: UInt8, Sendable, CaseIterable {
        /// It is told to every target.
        case told = 0
        /// A mute was in force when it began: it is written down, and nobody is told.
        case muted = 1
        /// No target wants it.
        case unwanted = 2
    }

    /// As it is told. A fleet incident is `kind` `fleet`, of the device `*`.
    package var episode: AnomalyEpisode
    /// What its episodes are: of a single one its own kind.
    package let cause: AnomalyEpisode.Kind
    /// The start of the last episode in it.
    package var through: Instant
    /// Devices in it.
    package var devices: Int
    package let fate: Fate

    /// Stands for the devices of a fleet incident. `kind` tells it from a device that is called so.
    package static let fleetDevice = DeviceID(unchecked: "*")

    package init(_ episode: AnomalyEpisode, cause: AnomalyEpisode.Kind, through: Instant, devices: Int, fate: Fate) {
        self.episode = episode
        self.cause = cause
        self.through = through
        self.devices = devices
        self.fate = fate
    }

    /// Of one episode.
    package init(_ episode: AnomalyEpisode, fate: Fate) {
        self.init(episode, cause: episode.kind, through: episode.start, devices: 1, fate: fate)
    }

    package var id: String { episode.id }
}

/// One message to one target. It has the same id whoever sends it, however often: receivers tell by it what they know.
package struct AlertDelivery: Hashable, Sendable {
    /// Raw values are in the store: never renumber.
    package enum Event: UInt8, Sendable, CaseIterable {
        case start = 0
        case end = 1

        package var name: String { self == .start ? "start" : "end" }
    }

    /// Raw values are in the store: never renumber.
    package enum State: UInt8, Sendable, CaseIterable {
        case pending = 0
        case delivered = 1
        case givenUp = 2
    }

    package struct Key: Hashable, Comparable, Sendable {
        package let alert: String
        package let event: Event
        /// `AlertTarget.id`.
        package let target: String

        package init(alert: String, event: Event, target: String) {
            self.alert = alert
            self.event = event
            self.target = target
        }

        package static func < (lhs: Key, rhs: Key) -> Bool {
            (lhs.alert, lhs.event.rawValue, lhs.target) < (rhs.alert, rhs.event.rawValue, rhs.target)
        }

        /// What the receiver sees.
        package var deliveryID: String { "\(alert)/\(event.name)" }
    }

    package let key: Key
    package let body: [UInt8]
    package let created: Instant
    package var state = State.pending
    package var attempts = 0
    /// Not before this.
    package var next: Instant

    package init(
        key: Key, body: [UInt8], created: Instant, state: State = .pending, attempts: Int = 0, next: Instant
    ) {
        self.key = key
        self.body = body
        self.created = created
        self.state = state
        self.attempts = attempts
        self.next = next
    }
}

/// What is written down together: alerts and what is to be sent of them.
package struct AlertChange: Hashable, Sendable {
    package var alerts: [Alert] = []
    package var deliveries: [AlertDelivery] = []
    /// Deliveries that the store had: where it has them no more, their device was deleted, and they stay away.
    package var known: Set<AlertDelivery.Key> = []

    package init(
        alerts: [Alert] = [], deliveries: [AlertDelivery] = [], known: Set<AlertDelivery.Key> = []
    ) {
        self.alerts = alerts
        self.deliveries = deliveries
        self.known = known
    }
}

/// While it lasts, what begins on these series is told to nobody.
package struct Mute: Hashable, Sendable {
    /// What it silences; both nil is everything. There is one mute a scope.
    package struct Scope: Hashable, Sendable {
        package var device: DeviceID?
        package var metric: Metric?

        package init(device: DeviceID? = nil, metric: Metric? = nil) {
            self.device = device
            self.metric = metric
        }

        package func covers(_ series: Series) -> Bool {
            (device.map { $0 == series.device } ?? true) && (metric.map { $0 == series.metric } ?? true)
        }
    }

    package let scope: Scope
    package let since: Instant
    /// Nil until somebody lifts it.
    package let until: Instant?
    package let reason: String

    package static let reasonBytesMax = 1_024
    /// Mutes in force at once.
    package static let countMax = 10_000

    package init(scope: Scope, since: Instant, until: Instant?, reason: String) {
        self.scope = scope
        self.since = since
        self.until = until
        self.reason = reason
    }

    package func isInForce(at time: Instant) -> Bool { until.map { time < $0 } ?? true }

    /// The length that `90s`, `15m`, `1h` or `7d` says, in microseconds.
    /// - Returns: nil if it is none, or longer than ten years.
    package static func length(_ text: String) -> Int64? {
        let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400]
        guard let last = text.last, let unit = units[last], let count = Int64(text.dropLast()), count > 0,
            text.dropLast().allSatisfy({ ("0"..."9").contains($0) }), count <= 3_650 * 86_400 / unit
        else { return nil }
        return count * unit * 1_000_000
    }
}

/// A receiver, without its address, which may hold a secret.
package struct AlertTarget: Hashable, Sendable {
    /// The same on every node for the same address.
    package let id: String
    /// For logs: scheme, host and port.
    package let label: String

    package init(id: String, label: String) {
        self.id = id
        self.label = label
    }
}

/// What became of one request.
package enum PostAnswer: Hashable, Sendable {
    /// - Parameter retryAfter: what the header of this name asks for, in microseconds.
    case answered(status: Int, retryAfter: Int64?)
    case unanswered(reason: String)
}

/// Sends one message once, and says what came of it. Never throws, never waits longer than its own limit.
package protocol AlertPoster: Sendable {
    var targets: [AlertTarget] { get }
    func post(_ delivery: AlertDelivery, at time: Instant) async -> PostAnswer
    /// Ends what is under way.
    func close() async
}
