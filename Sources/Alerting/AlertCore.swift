package import Ports
package import Telemetry

/// Who is told what: finds the alerts in what the flock hears, puts many of one kind together, and sees each delivered.
///
/// A value without a clock, a socket or randomness of its own: the same events give the same effects. The node drives it,
/// and so do worlds in which senders crash, stores go away and receivers fail.
///
/// ## How to drive it
///
/// Give it `tick` a few times a second; say `sending(true)` when this node is the one that sends, and `sending(false)` when it
/// is not any more. Perform each effect, all at once if you like, and report its end: `look` as `looked` or `lookFailed`,
/// `record` as `recorded` or `recordFailed`, `post` as `posted`. There is one look and one record under way at a time.
///
/// ## What holds
///
/// 1. **Written down before sent.** A delivery goes out once the store has it, together with its alert; where the store does
///    not answer, at once, and is written down when it does.
/// 2. **At least once.** Whatever ends this process, the next sender finds what was written down, and in the store's episodes
///    what was not. The same delivery has the same id, whoever makes it: receivers tell by it what they know.
/// 3. **Once an episode.** What overlaps a known episode of its series is the same, whatever it is called: the live feed of a
///    new listener begins in the middle of episodes, and late readings move their starts.
/// 4. **The start before the end**, for each target; a start that cannot be delivered holds its end until it is given up.
/// 5. **Nothing grows for ever**: `AlertLimits`.
package struct AlertCore: Hashable, Sendable {
    package enum Event: Hashable, Sendable {
        case tick
        case sending(Bool)
        /// The live feed tells of episodes that began, changed or ended.
        case heard([AnomalyEpisode])
        case looked(AlertLook)
        /// - Parameter activeDevices: as far as the flock itself knows.
        case lookFailed(activeDevices: Int)
        /// - Parameter fresh: deliveries that the store did not know before.
        case recorded(UInt64, fresh: Set<AlertDelivery.Key>)
        /// It may have been done all the same.
        case recordFailed(UInt64)
        case posted(AlertDelivery.Key, PostAnswer)
    }

    package enum Effect: Hashable, Sendable {
        case look(AlertLook.Request)
        case record(UInt64, AlertChange)
        case post(AlertDelivery)
        case note(Note)
    }

    /// What happened, for logs and counters.
    package enum Note: Hashable, Sendable {
        case told(Alert, AlertDelivery.Event)
        case muted(Alert)
        case grouped
        case delivered(AlertDelivery.Key)
        /// It is tried again.
        case failed(AlertDelivery.Key, reason: String)
        case gaveUp(AlertDelivery.Key, reason: String)
    }

    package var settings: AlertSettings
    package internal(set) var isSender = false
    var random: SeededGenerator

    // What is known
    var lines: [AlertLine: [AlertEntry]] = [:]
    var entriesCount = 0
    var held: [HeldEpisode] = []
    var groups: [AlertGroup: [GroupedEpisode]] = [:]
    var changedGroups: Set<AlertGroup> = []
    var fleets: [String: FleetIncident] = [:]
    var mutes: [Mute] = []
    var activeDevices = 0

    // Looks
    var isLooking = false
    /// The store has answered since this node became the sender, or did not: nothing is told before.
    var isOriented = false
    var lookAt = Moment(microseconds: .min)
    var mutesAt = Moment(microseconds: .min)
    var followFrom = 0
    /// Since when every look was answered; nil after one that was not.
    var answersSince: Moment?

    // What is not written down yet, and what is not through
    var unwritten = Unwritten()
    var recording: RecordUnderWay?
    var recordsCount: UInt64 = 0
    var recordAt = Moment(microseconds: .min)
    var upkeepAt = Moment(microseconds: .min)
    var isStoreAway = false
    var outbox: [AlertDelivery.Key: Outgoing] = [:]
    var lanes: [String: Lane] = [:]
    /// Deliveries that ended lately: a look that was under way meanwhile may still call them pending.
    var through: [AlertDelivery.Key: Moment] = [:]

    /// - Parameter seed: of the draws of this life; different on every node.
    package init(settings: AlertSettings, seed: UInt64) {
        self.settings = settings
        random = SeededGenerator(seed: seed)
    }

    package var limits: AlertLimits { settings.limits }
    var hasTargets: Bool { !settings.targets.isEmpty }

    /// Deliveries that are not through, as far as this node knows.
    package var pendingCount: Int { outbox.count }
    /// Episodes that it knows.
    package var knownCount: Int { entriesCount }

    /// - Parameters:
    ///   - now: never steps; for waits.
    ///   - time: by the wall clock; for what is written down.
    package mutating func handle(_ event: Event, now: Moment, at time: Instant) -> [Effect] {
        var step = Step(moment: now, time: time)
        switch event {
        case .tick: break
        case .sending(let isSender): send(isSender, &step)
        case .heard(let episodes):
            guard isSender else { break }
            for episode in episodes { hear(episode, .live, &step) }
        case .looked(let look): take(look, &step)
        case .lookFailed(let activeDevices): missLook(activeDevices, &step)
        case .recorded(let number, let fresh): noteRecorded(number, fresh, &step)
        case .recordFailed(let number): noteRecordFailed(number, &step)
        case .posted(let key, let answer): note(answer, to: key, &step)
        }
        if isSender {
            if isOriented {
                formFleets(&step)
                releaseHeld(&step)
                moveFleets(&step)
            }
            look(&step)
        }
        record(&step)
        post(&step)
        return step.effects
    }

    private mutating func send(_ isSender: Bool, _ step: inout Step) {
        guard isSender != self.isSender else { return }
        self.isSender = isSender
        lines = [:]
        entriesCount = 0
        held = []
        groups = [:]
        changedGroups = []
        fleets = [:]
        isOriented = false
        answersSince = nil
        lookAt = step.moment
        mutesAt = step.moment
        // The next sender finds what is written down; what is not, nobody knows but this node.
        if !isSender { outbox = outbox.filter { $0.value.isInFlight || !$0.value.isRecorded } }
    }
}

/// One call of `handle`: when it is, and what comes of it.
struct Step {
    let moment: Moment
    let time: Instant
    var effects: [AlertCore.Effect] = []
}
