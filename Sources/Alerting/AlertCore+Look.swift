import Ports
import Telemetry

/// What the store knows.
extension AlertCore {
    mutating func look(_ step: inout Step) {
        guard !isLooking else { return }
        let isFull = step.moment >= lookAt
        guard isFull || (hasTargets && step.moment >= mutesAt) else { return }
        isLooking = true
        let from = step.time.advanced(byMicroseconds: -limits.lookBack)
        step.effects.append(
            .look(
                AlertLook.Request(
                    isFull: isFull, from: from, to: step.time.advanced(byMicroseconds: limits.lookAhead),
                    followed: isFull ? followed(before: from) : [], known: Set(fleets.keys))))
    }

    mutating func missLook(_ activeDevices: Int, _ step: inout Step) {
        isLooking = false
        answersSince = nil
        self.activeDevices = activeDevices
        isOriented = true
        lookAt = max(lookAt, step.moment.advanced(byMicroseconds: limits.lookAgain))
        mutesAt = step.moment.advanced(byMicroseconds: limits.mutesEvery)
    }

    mutating func take(_ look: AlertLook, _ step: inout Step) {
        isLooking = false
        guard isSender else { return }
        mutes = look.mutes
        mutesAt = step.moment.advanced(byMicroseconds: limits.mutesEvery)
        guard look.request.isFull else { return }
        lookAt = step.moment.advanced(byMicroseconds: limits.lookEvery)
        isOriented = true
        answersSince = answersSince ?? step.moment
        activeDevices = look.activeDevices
        for alert in look.alerts.sorted(by: Self.isBefore) { restore(alert, look.request, &step) }
        for delivery in look.deliveries { restore(delivery, &step) }
        // First: who belongs to an incident is known then, and its episode is not taken for another.
        for (id, episodes) in look.followed.sorted(by: { $0.key < $1.key }) {
            follow(id, episodes, look, &step)
        }
        let cut = look.cut(limits.cutMargin)
        for episode in look.episodes.sorted(by: Self.isBefore) {
            let isCut = episode.kind == .anomaly && episode.start < cut
            hear(episode, isCut ? .storeCut : .store, &step)
        }
        let seen = max(look.request.from, look.cutAt ?? look.request.from)
        for id in fleets.keys where fleets[id].map({ $0.alert.episode.start >= seen }) == true {
            fleets[id]?.isWhole = true
        }
        forgetOver(step)
    }

    private static func isBefore(_ one: Alert, _ other: Alert) -> Bool { isBefore(one.episode, other.episode) }

    private static func isBefore(_ one: AnomalyEpisode, _ other: AnomalyEpisode) -> Bool {
        (one.start, one.id) < (other.start, other.id)
    }

    // MARK: What another sender did

    private mutating func restore(_ alert: Alert, _ request: AlertLook.Request, _ step: inout Step) {
        if alert.episode.kind == .fleet { return restore(incident: alert, request, step) }
        let line = AlertLine(alert.episode)
        var entries = lines[line] ?? []
        if let known = entries.firstIndex(where: { $0.episode.id == alert.id }) {
            if entries[known].fate == .held { entries[known].fate = alert.fate.entryFate }
            if let end = alert.episode.end, !entries[known].isOver {
                entries[known].episode = entries[known].episode.with(end: end)
                endMembership(of: entries[known], in: line)
            }
            lines[line] = entries
            return
        }
        let entry = AlertEntry(episode: alert.episode, fate: alert.fate.entryFate, touched: step.moment)
        // Heard of under another name, and not told yet: it is this one.
        if let held = entries.firstIndex(where: { $0.fate == .held && $0.isSame(alert.episode) }) {
            entries[held] = entry
            lines[line] = entries
        } else {
            add(entry, to: line)
        }
    }

    private mutating func restore(incident alert: Alert, _ request: AlertLook.Request, _ step: Step) {
        guard let known = fleets[alert.id] else {
            var incident = FleetIncident(
                alert, lastEnd: alert.episode.end ?? alert.episode.start, tellAt: nil, joinedAt: step.moment)
            incident.isWhole = incident.isOver
            fleets[alert.id] = incident
            return
        }
        // Another sender told of its end.
        if let end = alert.episode.end, !known.isOver {
            fleets[alert.id]?.alert.episode = known.alert.episode.with(end: end)
            fleets[alert.id]?.open = []
        }
        fleets[alert.id]?.tellAt = nil
    }

    // MARK: What a look at the present does not show

    /// Of very many a part each time, in turn.
    private mutating func followed(before from: Instant) -> [AlertLook.Followed] {
        let incidents = fleets.values.filter { !$0.isOver && ($0.alert.episode.start < from || !$0.isWhole) }
            .map { AlertLook.Followed($0.alert) }
        let singles = lines.values.joined().filter {
            ($0.fate == .told || $0.fate == .muted) && !$0.isOver && $0.episode.start < from
        }.map { AlertLook.Followed(Alert($0.episode, fate: .told), device: $0.episode.series.device) }
        let all = (incidents + singles).sorted { $0.alert < $1.alert }
        guard all.count > limits.followedMax else { return all }
        if followFrom >= all.count { followFrom = 0 }
        defer { followFrom += limits.followedMax }
        return Array((all[followFrom...] + all[..<followFrom]).prefix(limits.followedMax))
    }

    private mutating func follow(
        _ id: String, _ episodes: [AnomalyEpisode], _ look: AlertLook, _ step: inout Step
    ) {
        for episode in episodes.sorted(by: Self.isBefore) { hear(episode, .store, &step) }
        if let fleet = fleets[id] {
            fleets[id]?.isWhole = true
            guard !look.partial.contains(id) else { return }
            let known = Set(episodes.map(AlertLine.init))
            for member in fleet.open.sorted(by: { ($0.start, $0.line) < ($1.start, $1.line) })
            where member.start < look.request.from && !known.contains(member.line) {
                miss(in: member.line, &step) { $0.episode.start == member.start }
            }
            return
        }
        guard episodes.isEmpty else { return }
        for (line, entries) in lines where entries.contains(where: { $0.episode.id == id && !$0.isOver }) {
            return miss(in: line, &step) { $0.episode.id == id }
        }
    }

    /// The store has nothing of what should be in it: deleted, or on its way there still.
    private mutating func miss(in line: AlertLine, _ step: inout Step, where isIt: (AlertEntry) -> Bool) {
        guard let index = lines[line]?.firstIndex(where: { isIt($0) && !$0.isOver }),
            let entry = lines[line]?[index]
        else { return }
        let since = entry.missingSince ?? step.moment
        lines[line]?[index].missingSince = since
        let silent = max(since, answersSince ?? step.moment).advanced(byMicroseconds: limits.goneAfter)
        guard silent <= step.moment else { return }
        let over = entry.episode.with(end: step.time)
        hear(over.with(reason: over.reason + "; its readings are deleted"), .store, &step)
    }
}

extension Alert.Fate {
    fileprivate var entryFate: AlertEntry.Fate {
        switch self {
        case .told: .told
        case .muted: .muted
        case .unwanted: .unwanted
        }
    }
}
