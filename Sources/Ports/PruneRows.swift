package import Telemetry

/// A right to act, minted by the store at an election: each is larger than every one before it.
package struct FencingToken: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let number: UInt64

    package init(_ number: UInt64) {
        self.number = number
    }

    package static func < (lhs: Self, rhs: Self) -> Bool { lhs.number < rhs.number }
    package var description: String { "\(number)" }
}

/// The flock watched, and whoever it heard until then is in the store.
///
/// Between two ticks that follow each other the flock listened all the time: only that time counts as silence, in all of
/// them `total`. An outage makes no tick, so the first one after it adds nothing.
package struct Tick: Hashable, Sendable {
    /// Whatever reached a node before is in the store, with its device's `last_heard`.
    package let through: Instant
    /// Microseconds watched since the first tick.
    package let total: Int64

    package init(through: Instant, total: Int64) {
        self.through = through
        self.total = total
    }
}

package enum RunTurn: Hashable, Sendable {
    case begun(RunStart)
    /// The last run was too short ago: try again in so many microseconds.
    case early(Int64)
}

/// What a run begins with.
package struct RunStart: Hashable, Sendable {
    /// By the store's clock.
    package let time: Instant
    package let lastTick: Tick?
    package let approved: Approval?

    package init(time: Instant, lastTick: Tick?, approved: Approval?) {
        self.time = time
        self.lastTick = lastTick
        self.approved = approved
    }
}

/// Why a run did nothing: somebody is away, or too much is silent.
package struct Waiting: Hashable, Sendable {
    /// For people; the same from run to run as long as the reason is.
    package let reason: String
    /// What an operator would approve.
    package let approval: Approval

    package init(reason: String, approval: Approval) {
        self.reason = reason
        self.approval = approval
    }
}

/// What an operator knows to be gone for good.
package struct Approval: Hashable, Sendable {
    /// Devices that were last heard until then, if they are silent.
    package var heardThrough: Instant?
    /// Members that died: name and incarnation, sorted.
    package var members: [String]

    package init(heardThrough: Instant? = nil, members: [String] = []) {
        self.heardThrough = heardThrough
        self.members = members
    }
}

package struct CensusQuery: Hashable, Sendable {
    /// Whatever reached a node before is in the store.
    package let through: Instant
    /// Nobody is silent who was heard within so many microseconds before, or within three times its usual interval.
    package let crowdAfter: Int64
    /// Whose silence began before, did not fall silent lately.
    package let old: Instant
    /// Who was last heard until then is known to be gone, and not counted.
    package let approved: Instant?

    package static let silentIntervals: Int64 = 3
    /// Who is unheard for so many of its usual intervals is late: perhaps cut off, perhaps only slow this time.
    package static let lateIntervals: Int64 = 2

    package init(through: Instant, crowdAfter: Int64, old: Instant, approved: Instant?) {
        self.through = through
        self.crowdAfter = crowdAfter
        self.old = old
        self.approved = approved
    }

    /// Whoever was heard after it is heard, whatever its rhythm.
    package var recent: Instant { through.advanced(byMicroseconds: -crowdAfter) }

    package enum Standing: Hashable, Sendable { case heard, late, fellSilent, gone }

    /// How one device stands.
    /// - Parameter usualInterval: in microseconds; 0 while unknown.
    package func standing(heard: Instant, usualInterval: Int64) -> Standing {
        if let approved, heard <= approved { return .gone }
        let interval = min(max(0, usualInterval), .max / Self.silentIntervals)
        let limit = max(crowdAfter, Self.silentIntervals * interval)
        let silence = through.microseconds(since: heard)
        if silence < limit { return silence < max(crowdAfter, Self.lateIntervals * interval) ? .heard : .late }
        // Of a fleet of many rhythms the quick are missed first: they count until the slow are missed, too.
        let window = Self.silentIntervals * min(limit, .max / Self.silentIntervals)
        return heard > old.advanced(byMicroseconds: crowdAfter - window) ? .fellSilent : .gone
    }
}

/// How much of the fleet is heard.
package struct Census: Hashable, Sendable {
    /// In time.
    package private(set) var heard: Int
    package private(set) var late: Int
    package private(set) var fellSilent: Int

    package init(heard: Int = 0, late: Int = 0, fellSilent: Int = 0) {
        self.heard = heard
        self.late = late
        self.fellSilent = fellSilent
    }

    package mutating func count(_ standing: CensusQuery.Standing) {
        switch standing {
        case .heard: heard += 1
        case .late: late += 1
        case .fellSilent: fellSilent += 1
        case .gone: break
        }
    }
}

/// A device that may be deleted if nothing came of it meanwhile.
package struct SilentDevice: Hashable, Sendable {
    package let device: DeviceID
    package let lastHeard: Instant
    /// Readings stored so far: the sign that something came.
    package let readings: UInt64
    package let isHidden: Bool

    package init(device: DeviceID, lastHeard: Instant, readings: UInt64, isHidden: Bool) {
        self.device = device
        self.lastHeard = lastHeard
        self.readings = readings
        self.isHidden = isHidden
    }
}

/// How far readings that are too old were dropped: opaque but for the store.
package struct RetentionCursor: Hashable, Sendable {
    package let series: Int64
    /// A part before has told the audit that readings were dropped: once is enough.
    package let isTold: Bool

    package init(series: Int64, isTold: Bool = false) {
        self.series = series
        self.isTold = isTold
    }
}

package struct RetentionPart: Hashable, Sendable {
    /// Readings, or chunks of them, that this part dropped.
    package let dropped: Int
    /// Nil: there is nothing more.
    package let next: RetentionCursor?

    package init(dropped: Int, next: RetentionCursor?) {
        self.dropped = dropped
        self.next = next
    }
}

package struct AuditRow: Hashable, Sendable {
    package let time: Instant
    package let job: String
    /// Nil: it is about no device alone.
    package let device: DeviceID?
    package let decision: Decision
    package let reason: String
    /// Nil: a person did it.
    package let token: FencingToken?

    package enum Decision: String, Hashable, Sendable, CaseIterable {
        case hide, delete, restore, wait, approve, revoke, drop
    }

    /// - Parameter member: a life that was approved to be gone.
    package static func revocation(of member: String) -> String {
        "\(member.split(separator: " ").first ?? "a member") is back: the approval that it is gone is over"
    }

    /// The job of what a person deletes.
    package static let operatorJob = "operator"

    package init(
        time: Instant, job: String, device: DeviceID?, decision: Decision, reason: String, token: FencingToken?
    ) {
        self.time = time
        self.job = job
        self.device = device
        self.decision = decision
        self.reason = reason
        self.token = token
    }
}

/// The one row of the pruner's job.
package struct JobRow: Hashable, Sendable {
    package let token: FencingToken
    /// Whom the newest token was minted for.
    package let holder: String
    package let lastRun: Instant?
    package let lastResult: String?
    package let waiting: Waiting?
    package let lastTick: Tick?

    package init(
        token: FencingToken, holder: String, lastRun: Instant?, lastResult: String?, waiting: Waiting?, lastTick: Tick?
    ) {
        self.token = token
        self.holder = holder
        self.lastRun = lastRun
        self.lastResult = lastResult
        self.waiting = waiting
        self.lastTick = lastTick
    }
}

/// What the pruner would do if a run came now, as far as the store knows.
package struct PrunePlan: Hashable, Sendable {
    /// How the job stands; nil if nobody ever led.
    package let job: JobRow?
    /// Microseconds of silence that hide a device, and that delete it; nil keeps all.
    package let inactiveAfter: Int64
    package let deleteAfter: Int64?
    /// The one that is silent for longest first; there may be more.
    package let hide: [SilentDevice]
    package let delete: [SilentDevice]
    /// Whom an approval of what it waits with would give up.
    package let silent: [SilentDevice]
    /// Who leads now, as its node says; nil if nobody does.
    package var leader: String?
    /// Why the asked node cannot lead: the lease's keeper does not answer.
    package var keeperTrouble: String?

    package init(
        job: JobRow?, inactiveAfter: Int64, deleteAfter: Int64?, hide: [SilentDevice], delete: [SilentDevice],
        silent: [SilentDevice] = []
    ) {
        self.job = job
        self.silent = silent
        self.inactiveAfter = inactiveAfter
        self.deleteAfter = deleteAfter
        self.hide = hide
        self.delete = delete
    }
}
