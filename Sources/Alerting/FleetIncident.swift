import Ports
import Telemetry

/// Many devices that began an episode of one metric together, told as one alert.
struct FleetIncident: Hashable, Sendable {
    /// One that is not over.
    struct Member: Hashable, Sendable {
        let line: AlertLine
        let start: Instant
    }

    var alert: Alert
    /// Whose episodes it has, as far as they are counted.
    private(set) var devices: Set<DeviceID> = []
    /// The first of them by name.
    private var names: [DeviceID] = []
    var open: Set<Member> = []
    /// The latest end among those that are over.
    var lastEnd: Instant
    /// Not told yet; nil once it is.
    var tellAt: Moment?
    /// When the last came, by this node's clock.
    var joinedAt: Moment
    /// The filters want one of its devices.
    var isWanted = false
    /// All that is in it is known: not yet where another sender began it.
    var isWhole = true

    var isOver: Bool { alert.episode.end != nil }
    var group: AlertGroup { AlertGroup(metric: alert.episode.series.metric, kind: alert.cause) }

    /// An episode that starts then is a part of it.
    func covers(_ start: Instant, _ limits: AlertLimits) -> Bool {
        let (first, last) = (alert.episode.start, alert.through)
        if spans(start) { return true }
        guard !isOver else { return false }
        return start >= first.advanced(byMicroseconds: -limits.fleetWindow)
            && start <= last.advanced(byMicroseconds: limits.fleetJoinWindow)
            && start <= first.advanced(byMicroseconds: limits.fleetSpanMax)
    }

    /// It starts between the first and the last of its episodes.
    func spans(_ start: Instant) -> Bool { start >= alert.episode.start && start <= alert.through }

    init(_ alert: Alert, lastEnd: Instant, tellAt: Moment?, joinedAt: Moment) {
        self.alert = alert
        self.lastEnd = lastEnd
        self.tellAt = tellAt
        self.joinedAt = joinedAt
    }

    mutating func join(
        _ entry: AlertEntry, in line: AlertLine, isWanted: Bool, _ now: Moment, _ limits: AlertLimits
    ) {
        let member = entry.episode
        if devices.count < limits.fleetMembersMax, devices.insert(member.series.device).inserted {
            names.append(member.series.device)
            names.sort()
            if names.count > limits.fleetNamesMax { names.removeLast() }
        }
        alert.through = max(alert.through, member.start)
        alert.devices = max(alert.devices, devices.count)
        joinedAt = now
        self.isWanted = self.isWanted || isWanted
        if member.score > alert.episode.score {
            alert.episode = alert.episode.with(peakOf: member, end: alert.episode.end)
        }
        if let end = member.end {
            lastEnd = max(lastEnd, end)
        } else if open.count < limits.fleetMembersMax {
            open.insert(Member(line: line, start: member.start))
        }
        // Of one that another sender began what that one said, until all its devices are known again.
        if devices.count == alert.devices { alert.episode = alert.episode.with(reason: reason) }
    }

    /// For people: how many, and some of them by name.
    private var reason: String {
        let more = alert.devices > names.count ? " and \(alert.devices - names.count) more" : ""
        let verb = alert.cause == .silence ? "fell silent" : "became anomalous"
        let list = names.map(\.text).joined(separator: ", ")
        return "\(alert.devices) devices \(verb) together: \(list)\(more)"
    }
}

extension AlertCore {
    /// The incident that an episode belongs to; of several the one that began last. One that nobody is told of takes in
    /// nothing that somebody wants to know.
    func fleet(for line: AlertLine, start: Instant, isLive: Bool) -> String? {
        let isWanted = hasTargets && settings.filter.accepts(line.series)
        let covering = fleets.values.filter {
            guard $0.group == line.group, $0.covers(start, limits) else { return false }
            return !isWanted || $0.tellAt != nil || $0.alert.fate == .told
                // Before the mute was lifted it was in it.
                || ($0.alert.fate == .muted && !isLive && $0.spans(start))
        }
        return covering.max { ($0.alert.episode.start, $0.alert.id) < ($1.alert.episode.start, $1.alert.id) }?.alert.id
    }

    /// Adds a member; the worst of all says the peak. In place: an incident may have very many.
    mutating func join(_ id: String, _ entry: AlertEntry, in line: AlertLine, _ step: inout Step) {
        let isWanted = settings.filter.accepts(entry.episode.series)
        let limits = limits
        fleets[id]?.join(entry, in: line, isWanted: isWanted, step.moment, limits)
        guard let fleet = fleets[id], fleet.tellAt == nil, !fleet.isOver else { return }
        // The next sender knows by it who belongs to the incident.
        write(fleet.alert)
    }

    /// Of an entry that is over.
    mutating func endMembership(of entry: AlertEntry, in line: AlertLine) {
        let member = FleetIncident.Member(line: line, start: entry.episode.start)
        for (id, fleet) in fleets where fleet.open.contains(member) {
            fleets[id]?.open.remove(member)
            if let end = entry.episode.end { fleets[id]?.lastEnd = max(fleet.lastEnd, end) }
        }
    }

    // MARK: Beginning

    /// Looks in what is new for many that began together.
    mutating func formFleets(_ step: inout Step) {
        for group in changedGroups.sorted() {
            let old = step.moment.advanced(byMicroseconds: -limits.lookBack)
            var all = (groups[group] ?? []).filter { $0.heard > old }
            all.sort { ($0.start, $0.line) < ($1.start, $1.line) }
            // The oldest starts, beyond what is followed of an incident.
            if all.count > 2 * limits.fleetMembersMax { all.removeFirst(all.count - 2 * limits.fleetMembersMax) }
            while let range = together(in: all) {
                form(all[range], in: group, &step)
                all.removeSubrange(range)
            }
            groups[group] = all.isEmpty ? nil : all
        }
        changedGroups = []
    }

    /// The first within one window that are devices enough, with all that follow them closely.
    private func together(in all: [GroupedEpisode]) -> Range<Int>? {
        let needed = limits.fleetDevices(ofActive: activeDevices)
        var counts: [DeviceID: Int] = [:]
        var low = 0
        for high in all.indices {
            counts[all[high].line.series.device, default: 0] += 1
            while all[high].start.microseconds(since: all[low].start) > limits.fleetWindow {
                let device = all[low].line.series.device
                counts[device] = counts[device].flatMap { $0 > 1 ? $0 - 1 : nil }
                low += 1
            }
            guard counts.count >= needed else { continue }
            var end = high + 1
            while end < all.count, all[end].start.microseconds(since: all[end - 1].start) <= limits.fleetJoinWindow,
                all[end].start.microseconds(since: all[low].start) <= limits.fleetSpanMax
            {
                end += 1
            }
            return low..<end
        }
        return nil
    }

    private mutating func form(_ members: ArraySlice<GroupedEpisode>, in group: AlertGroup, _ step: inout Step) {
        guard let first = members.first else { return }
        var id = "fleet/\(group.metric)/\(group.kind.rawValue)/\(first.start.microseconds)"
        // Beside one that nobody is told of.
        if let other = fleets[id], other.tellAt == nil, other.alert.fate != .told { id += "/wanted" }
        guard fleets[id] == nil else { return }
        let episode = AnomalyEpisode(
            id: id, kind: .fleet, series: Series(device: Alert.fleetDevice, metric: group.metric), start: first.start,
            peak: first.start, end: nil, score: 0, value: 0, reason: "", model: .none)
        fleets[id] = FleetIncident(
            Alert(episode, cause: group.kind, through: first.start, devices: 0, fate: .unwanted),
            lastEnd: first.start, tellAt: step.moment.advanced(byMicroseconds: limits.holdBack), joinedAt: step.moment)
        for member in members {
            guard
                let index = lines[member.line]?.lastIndex(where: {
                    $0.episode.start <= member.start && member.start <= $0.episode.end ?? .distantFuture
                }), let entry = lines[member.line]?[index]
            else { continue }
            if entry.fate == .held {
                lines[member.line]?[index].fate = .member(id)
                step.effects.append(.note(.grouped))
            }
            join(id, entry, in: member.line, &step)
        }
    }

    // MARK: Telling

    /// Tells of incidents whose time has come, and of those that are over: all that is in them is, and nobody came for a
    /// while.
    mutating func moveFleets(_ step: inout Step) {
        guard !fleets.isEmpty else { return }
        for id in fleets.keys.sorted() {
            guard var fleet = fleets[id], !fleet.isOver else { continue }
            if let tellAt = fleet.tellAt, tellAt <= step.moment {
                fleet.tellAt = nil
                fleet.alert = Alert(
                    fleet.alert.episode, cause: fleet.alert.cause, through: fleet.alert.through,
                    devices: fleet.alert.devices, fate: fate(of: fleet, step))
                tell(fleet.alert, .start, &step)
                if fleet.alert.fate == .muted { step.effects.append(.note(.muted(fleet.alert))) }
            }
            let isQuiet = fleet.joinedAt.advanced(byMicroseconds: limits.fleetJoinWindow) <= step.moment
            if fleet.tellAt == nil, fleet.open.isEmpty, fleet.isWhole, isQuiet {
                // What is known of its ends may be gone with its devices.
                let episode = fleet.alert.episode
                fleet.alert.episode = episode.with(end: max(fleet.lastEnd, episode.start, episode.peak))
                tell(fleet.alert, .end, &step)
            }
            fleets[id] = fleet
        }
    }

    private func fate(of fleet: FleetIncident, _ step: Step) -> Alert.Fate {
        guard hasTargets, fleet.isWanted else { return .unwanted }
        return isMuted(fleet.alert.episode.series, at: step.time) ? .muted : .told
    }
}

extension AnomalyEpisode {
    func with(reason: String) -> Self {
        AnomalyEpisode(
            id: id, kind: kind, series: series, start: start, peak: peak, end: end, score: score, value: value,
            reason: reason, model: model)
    }
}
