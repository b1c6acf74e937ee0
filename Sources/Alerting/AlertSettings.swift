package import Ports

/// What of all that happens goes out, and to whom.
package struct AlertSettings: Hashable, Sendable {
    /// Nobody: then fleet incidents are found and written down all the same, for `/anomalies`.
    package var targets: [AlertTarget]
    package var filter: AlertFilter
    /// Who says it: names of the flock and of this node, in every body.
    package var flock: String
    package var node: String
    package var limits = AlertLimits()

    package init(targets: [AlertTarget], filter: AlertFilter = AlertFilter(), flock: String = "", node: String) {
        self.targets = targets
        self.filter = filter
        self.flock = flock
        self.node = node
    }
}

/// Every wait, size and count of alerting in one place; times in microseconds.
package struct AlertLimits: Hashable, Sendable {
    /// A new episode is held so long, to see whether it is one of many. Longer than `mutesEvery` and a look at the store:
    /// what begins after a mute was confirmed is muted.
    package var holdBack: Int64 = 2_000_000
    /// How often a sender with targets reads the mutes.
    package var mutesEvery: Int64 = 1_000_000
    /// How often a sender reads the store's episodes, and what other senders left.
    package var lookEvery: Int64 = 30_000_000
    /// After a look that failed.
    package var lookAgain: Int64 = 2_000_000
    /// How far back a look goes: what began and ended before is history, not an alarm.
    package var lookBack: Int64 = 900_000_000
    /// An anomaly that starts so soon after the beginning of what a look saw may have begun before it: more than devices wait
    /// between two readings.
    package var cutMargin: Int64 = 300_000_000
    /// What devices' clocks may be ahead.
    package var lookAhead: Int64 = 300_000_000
    /// Alerts that began before what a look sees and did not end: asked for one by one, so many with each look.
    package var followedMax = 50
    /// One of which a store that answers has nothing for so long is over: its readings were deleted.
    package var goneAfter: Int64 = 600_000_000

    // MARK: Fleet incidents

    /// Devices that begin an episode of one metric within this time are one incident. Short, or chance puts together what has
    /// nothing in common: of ten devices with six episodes a minute, five began one within some minute of almost any hour.
    package var fleetWindow: Int64 = 10_000_000
    /// Whoever begins within this time after the last of them belongs to it too; and nobody may have come for so long when it
    /// ends.
    package var fleetJoinWindow: Int64 = 60_000_000
    /// After its start nobody joins an incident for longer than this: what begins later is told by itself, or is another.
    package var fleetSpanMax: Int64 = 180_000_000
    /// Devices at least, whatever the fleet.
    package var fleetDevicesMin = 5
    /// Of a fleet of so many active devices at most it takes this share, of a larger one the other, and no fewer than of this.
    package var fleetSmallMax = 100
    package var fleetSmallShare = 0.3
    package var fleetShare = 0.1
    /// Devices named in an incident's reason.
    package var fleetNamesMax = 5
    /// Devices of one incident that are followed and counted; more are swallowed uncounted.
    package var fleetMembersMax = 10_000

    // MARK: Memory

    /// Episodes that are known; beyond it the oldest that are over are forgotten, then the oldest.
    package var entriesMax = 40_000
    /// Deliveries that are not through; beyond it the oldest are given up.
    package var outboxMax = 10_000
    /// Rows in one call of the store.
    package var recordMax = 500
    /// Between two records of which no delivery waits: how a delivery ended, or who joined an incident.
    package var upkeepEvery: Int64 = 1_000_000
    /// After a record that failed.
    package var recordAgain: Int64 = 1_000_000

    // MARK: Deliveries

    /// Requests to one target at a time; one alone while the last of them failed.
    package var postsMax = 4
    /// The longest wait before the second attempt; it doubles with each, and the wait is drawn from all of it.
    package var backOffMin: Int64 = 1_000_000
    package var backOffMax: Int64 = 900_000_000
    /// No wait is shorter.
    package var backOffFloor: Int64 = 100_000
    /// Of what a receiver's `Retry-After` asks for.
    package var retryAfterMax: Int64 = 3_600_000_000
    package var attemptsMax = 200
    /// Age at which it is given up.
    package var givenUpAfter: Int64 = 86_400_000_000

    package init() {}

    /// Devices that make an incident.
    package func fleetDevices(ofActive count: Int) -> Int {
        let small = Int((Double(min(max(0, count), fleetSmallMax)) * fleetSmallShare).rounded(.up))
        let share = count > fleetSmallMax ? Int((Double(count) * fleetShare).rounded(.up)) : 0
        return max(fleetDevicesMin, small, share)
    }
}
