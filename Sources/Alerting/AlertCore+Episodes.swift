import Ports
import Telemetry

/// What is heard of episodes.
extension AlertCore {
    mutating func hear(_ episode: AnomalyEpisode, _ source: EpisodeSource, _ step: inout Step) {
        guard episode.kind != .fleet else { return }
        let line = AlertLine(episode)
        var entries = lines[line] ?? []
        // One that is told from start to end. Where it is open again, the reader lags behind; where it ends later, late
        // readings joined what follows to it, which ends with it and keeps its name.
        let isKnown = entries.contains {
            $0.isOver && !$0.isVoid && ($0.episode.id == episode.id || $0.episode.start == episode.start)
        }
        if isKnown, episode.end == nil { return }
        let same = entries.indices.filter { entries[$0].isSame(episode) }
        let open = same.filter { !entries[$0].isOver }
        if let last = same.last, open.isEmpty {
            // Heard again by a late reading, and silent again: told anew, under another name.
            let isNews =
                source == .live || entries[last].touched < step.moment.advanced(byMicroseconds: -2 * limits.lookEvery)
            guard entries[last].isVoid, episode.end == nil, isNews else { return }
            begin(
                episode.with(id: "\(episode.id)/\(episode.peak.microseconds)", end: nil), in: line, source,
                &step)
            return
        }
        guard !open.isEmpty else { return begin(episode, in: line, source, &step) }
        for index in open { grow(&entries[index], by: episode, in: line, mayRename: !isKnown, &step) }
        lines[line] = entries
    }

    private mutating func begin(
        _ episode: AnomalyEpisode, in line: AlertLine, _ source: EpisodeSource, _ step: inout Step
    ) {
        var entry = AlertEntry(episode: episode, fate: .held, touched: step.moment)
        if isMuted(episode.series, at: step.time) {
            entry.fate = .muted
            add(entry, to: line)
            noteMuted(episode, &step)
            return
        }
        if let incident = fleet(for: line, start: episode.start, isLive: source == .live) {
            entry.fate = .member(incident)
            join(incident, entry, in: line, &step)
            step.effects.append(.note(.grouped))
        } else {
            held.append(
                HeldEpisode(
                    line: line, start: episode.start, until: step.moment.advanced(byMicroseconds: limits.holdBack)))
            // Those that are cut off seem to begin together, where the answer does.
            if source != .storeCut {
                groups[line.group, default: []].append(
                    GroupedEpisode(line: line, start: episode.start, heard: step.moment))
                changedGroups.insert(line.group)
            }
        }
        add(entry, to: line)
    }

    private mutating func grow(
        _ entry: inout AlertEntry, by episode: AnomalyEpisode, in line: AlertLine, mayRename: Bool, _ step: inout Step
    ) {
        entry.touched = step.moment
        entry.missingSince = nil
        let old = entry.episode
        // While nobody was told, the store's name counts: it saw the beginning.
        let isEarlier = mayRename && entry.fate == .held && episode.start < old.start
        entry.episode = old.with(
            id: isEarlier ? episode.id : old.id, start: isEarlier ? episode.start : old.start,
            peakOf: episode.score >= old.score ? episode : old, end: episode.end)
        if isEarlier {
            for index in held.indices where held[index].line == line && held[index].start == old.start {
                held[index] = HeldEpisode(line: line, start: episode.start, until: held[index].until)
            }
        }
        guard entry.isOver else { return }
        switch entry.fate {
        case .held, .unwanted: break
        case .told: tell(Alert(entry.episode, fate: .told), .end, &step)
        case .muted: write(Alert(entry.episode, fate: .muted))
        case .member: break
        }
        endMembership(of: entry, in: line)
    }

    mutating func add(_ entry: AlertEntry, to line: AlertLine) {
        lines[line, default: []].append(entry)
        entriesCount += 1
        if entriesCount > limits.entriesMax { forgetEntries() }
    }

    private mutating func noteMuted(_ episode: AnomalyEpisode, _ step: inout Step) {
        let alert = Alert(episode, fate: .muted)
        if hasTargets { write(alert) }
        step.effects.append(.note(.muted(alert)))
    }

    func isMuted(_ series: Series, at time: Instant) -> Bool {
        mutes.contains { $0.isInForce(at: time) && $0.scope.covers(series) }
    }

    // MARK: Telling

    /// Those that were held long enough and are not one of many.
    mutating func releaseHeld(_ step: inout Step) {
        let due = held.prefix { $0.until <= step.moment }
        guard !due.isEmpty else { return }
        let released = Array(due)
        held.removeFirst(released.count)
        for one in released {
            guard
                let index = lines[one.line]?.firstIndex(where: { $0.fate == .held && $0.episode.start == one.start }),
                let entry = lines[one.line]?[index]
            else { continue }
            let fate = release(entry, &step)
            lines[one.line]?[index].fate = fate
        }
    }

    private mutating func release(_ entry: AlertEntry, _ step: inout Step) -> AlertEntry.Fate {
        let series = entry.episode.series
        guard hasTargets, settings.filter.accepts(series) else { return .unwanted }
        // Muted since.
        if isMuted(series, at: step.time) {
            noteMuted(entry.episode, &step)
            return .muted
        }
        let alert = Alert(entry.episode, fate: .told)
        tell(alert, .start, &step)
        if entry.isOver { tell(alert, .end, &step) }
        return .told
    }

    /// To every target.
    mutating func tell(_ alert: Alert, _ event: AlertDelivery.Event, _ step: inout Step) {
        write(alert)
        guard alert.fate == .told else { return }
        step.effects.append(.note(.told(alert, event)))
        let body = AlertBody.bytes(of: alert, event, flock: settings.flock, node: settings.node)
        for target in settings.targets {
            let key = AlertDelivery.Key(alert: alert.id, event: event, target: target.id)
            push(AlertDelivery(key: key, body: body, created: step.time, next: step.time), &step)
        }
    }

    // MARK: Forgetting

    /// Over for so long that no look finds them again.
    mutating func forgetOver(_ step: Step) {
        let line = step.moment.advanced(byMicroseconds: -2 * limits.lookBack)
        keepEntries { !($0.isOver && $0.touched < line) }
        fleets = fleets.filter { !($0.value.isOver && $0.value.joinedAt < line) }
    }

    /// A tenth at once, those that are over first, so that it costs little an entry.
    private mutating func forgetEntries() {
        let all = lines.values.joined().filter { $0.fate != .held }
        let order = all.sorted {
            ($0.isOver ? 0 : 1, $0.touched, $0.episode.id) < ($1.isOver ? 0 : 1, $1.touched, $1.episode.id)
        }
        let gone = Set(order.prefix(max(1, limits.entriesMax / 10)).map(\.episode.id))
        keepEntries { !gone.contains($0.episode.id) }
    }

    private mutating func keepEntries(_ isKept: (AlertEntry) -> Bool) {
        for (line, entries) in lines {
            let kept = entries.filter(isKept)
            guard kept.count < entries.count else { continue }
            lines[line] = kept.isEmpty ? nil : kept
            entriesCount -= entries.count - kept.count
        }
    }
}
