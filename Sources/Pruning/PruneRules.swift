package import Ports
package import Telemetry

/// What the operator asked for, and the arithmetic of ticks: how long a device was silent while the flock listened.
///
/// Times are in microseconds. Silence is never measured from two readings of a clock: it is the part of that time in which
/// the flock watched, told by ticks (`Tick`). Whoever was last heard at or before the tick's `through` was not heard in all
/// of what was watched after it.
package struct PruneRules: Hashable, Sendable {
    package let period: Int64
    package let inactiveAfter: Int64
    /// Nil keeps every device.
    package let deleteAfter: Int64?
    /// By the readings' own times; nil keeps every reading.
    package let retention: Int64?

    /// Two ticks further apart than two periods and this have an outage between them.
    package static let gapSlack: Int64 = 5_000_000
    /// Devices fell silent together if it was within so many times `patience`.
    package static let crowdWindows: Int64 = 2
    /// A backlog that is no older than this is none, however short the period.
    package static let backlogMin: Int64 = 2_000_000

    package init(period: Int64, inactiveAfter: Int64, deleteAfter: Int64?, retention: Int64?) {
        self.period = max(1, period)
        self.inactiveAfter = max(0, inactiveAfter)
        self.deleteAfter = deleteAfter.map { max(0, $0) }
        self.retention = retention.map { max(0, $0) }
    }

    /// The tick that a run may write.
    /// - Parameters:
    ///   - through: whatever reached a node before is in the store; by the store's clock.
    ///   - isUnbroken: the same leader wrote the last tick and none of the members was away since.
    /// - Returns: nil if it would say nothing: the store's clock was set back.
    package func tick(after last: Tick?, through: Instant, isUnbroken: Bool) -> Tick? {
        guard let last else { return Tick(through: through, total: 0) }
        let span = through.microseconds(since: last.through)
        guard span > 0 else { return nil }
        let watched = isUnbroken && span <= 2 * period + Self.gapSlack ? span : 0
        return Tick(through: through, total: last.total + watched)
    }

    /// The shortest silence that has consequences.
    package var patience: Int64 { min(inactiveAfter, deleteAfter ?? .max) }

    /// How long a leader watches after a break before it deletes again: whoever is alive has time to say so, also in a fleet
    /// that reports more seldom than `patience`.
    package var rewatch: Int64 { max(patience, min((deleteAfter ?? 0) / 4, Self.rewatchMax)) }
    package static let rewatchMax: Int64 = 3_600_000_000

    /// Whoever was not heard for so long counts as silent when the fleet is looked at as a whole, by the store's clock alone.
    /// Half the patience: of a fleet that reports just often enough to stay active less than half is unheard for as long,
    /// and a cut line is seen before any device of it that reports twice as often could have been deleted.
    package var crowdAfter: Int64 { patience / 2 }

    /// A cut line that a run sees was not cut for longer, but for a pause of the devices themselves: the run before did not
    /// see it.
    package var unseenCut: Int64 { crowdAfter + period }

    /// Totals of the ticks by which a run at `tick` judges; negative ones are before all that was watched.
    package func totals(at tick: Tick) -> Totals {
        Totals(
            old: tick.total - crowdAfter - max(Self.crowdWindows * patience, 2 * period),
            hide: tick.total - inactiveAfter,
            delete: deleteAfter.map { tick.total - max($0, patience + 2 * period) })
    }

    package struct Totals: Hashable, Sendable {
        /// Devices that were last heard before this tick did not fall silent lately.
        package let old: Int64
        package let hide: Int64
        /// At least two runs after a cut line was seen, however short `deleteAfter` is.
        package let delete: Int64?

        /// Ticks below this decide nothing any more, and no later ones will.
        package var oldest: Int64 { min(old, hide, delete ?? .max) }
    }

    /// Parts of readings that one run drops: no more than it has time for.
    package var dropsMax: Int { Int(min(Self.dropsMost, max(1, period / 2 / Self.dropTime))) }
    package static let dropsMost: Int64 = 1_000
    /// What a part takes, in microseconds; the slowest were 200 ms.
    package static let dropTime: Int64 = 200_000

    /// How old a backlog may be for a tick.
    package var backlogMax: Int64 { max(period, Self.backlogMin) }
}
