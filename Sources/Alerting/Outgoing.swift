import Ports
import Telemetry

/// A delivery that is not through.
struct Outgoing: Hashable, Sendable {
    var delivery: AlertDelivery
    /// Not before this.
    var due: Moment
    /// The store has it.
    var isRecorded: Bool
    var isInFlight = false
}

/// How it goes with one target.
struct Lane: Hashable, Sendable {
    var inFlight = 0
    /// The last answer was no failure.
    var isWell = true
    /// The receiver asked to be left alone until then.
    var pausedUntil = Moment(microseconds: .min)
}

/// What the store does not have yet.
struct Unwritten: Hashable, Sendable {
    var alerts: [String: Alert] = [:]
    var deliveries: [AlertDelivery.Key: AlertDelivery] = [:]
    /// Those of `deliveries` of which the store has an earlier state.
    var known: Set<AlertDelivery.Key> = []

    var isEmpty: Bool { alerts.isEmpty && deliveries.isEmpty }

    /// Something goes out once it is written down.
    var isUrgent: Bool { deliveries.values.contains { $0.state == .pending && $0.attempts == 0 } }

    /// Takes a part: an alert and its deliveries go together, or a sender that dies in between would leave an alert that
    /// nobody sends.
    mutating func take(atMost max: Int) -> AlertChange {
        var change = AlertChange()
        let ids = Set(alerts.keys).union(deliveries.keys.lazy.map(\.alert)).sorted()
        let keys = Dictionary(grouping: deliveries.keys, by: \.alert)
        for id in ids where change.alerts.count + change.deliveries.count < max {
            if let alert = alerts.removeValue(forKey: id) { change.alerts.append(alert) }
            for key in (keys[id] ?? []).sorted() {
                if let delivery = deliveries.removeValue(forKey: key) { change.deliveries.append(delivery) }
                if known.remove(key) != nil { change.known.insert(key) }
            }
        }
        return change
    }

    /// What was taken and did not go in; what changed since is newer.
    mutating func putBack(_ change: AlertChange) {
        for alert in change.alerts where alerts[alert.id] == nil { alerts[alert.id] = alert }
        for delivery in change.deliveries where deliveries[delivery.key] == nil {
            deliveries[delivery.key] = delivery
        }
        known.formUnion(change.known)
    }
}

struct RecordUnderWay: Hashable, Sendable {
    let number: UInt64
    let change: AlertChange
}
