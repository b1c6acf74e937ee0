import Detection
import Ports
import Telemetry

/// Warming up: from cold to open, with the store's rows or without.
extension SlotCore {
    mutating func warmed(
        _ rows: [LatestRow], _ stored: [Tombstone], _ now: Moment, _ models: inout ModelRegistry
    ) -> [Effect] {
        switch state {
        case .warming(let warming):
            for tombstone in stored { remember(tombstone) }
            var open = Open()
            open.take(rows, but: tombstones)
            return self.open(open, for: warming.calls, now, &models)
        case .open(var open) where open.rowsAskedAt != nil:
            for tombstone in stored { forget(tombstone.device, at: tombstone.time) }
            if case .open(let kept) = state { open = kept }
            state = .cold
            open.rowsAskedAt = nil
            open.take(rows, but: tombstones)
            state = .open(open)
            return []
        case .cold, .open, .sealed:
            return []
        }
    }

    /// A slow store keeps nobody waiting for longer than `warmPatience`; one that is away is asked again and again: its
    /// rows are taken for series that sent nothing until then, its tombstones for all.
    mutating func askAgain(_ now: Moment, _ models: inout ModelRegistry) -> [Effect] {
        switch state {
        case .warming(let warming) where warming.since.advanced(byMicroseconds: Self.warmPatience) <= now:
            return openWithoutRows(now, &models)
        case .open(let open):
            guard let asked = open.rowsAskedAt, asked.advanced(byMicroseconds: Self.warmRetry) <= now else { return [] }
            state = .cold
            var again = open
            again.rowsAskedAt = now
            state = .open(again)
            return [.warm(slot)]
        case .cold, .warming, .sealed:
            return []
        }
    }

    mutating func openWithoutRows(_ now: Moment, _ models: inout ModelRegistry) -> [Effect] {
        guard case .warming(let warming) = state else { return [] }
        var open = Open()
        open.rowsAskedAt = now
        return self.open(open, for: warming.calls, now, &models)
    }

    private mutating func open(
        _ open: Open, for calls: [Waiting], _ now: Moment, _ models: inout ModelRegistry
    ) -> [Effect] {
        state = .open(open)
        var effects: [Effect] = []
        for one in calls { effects += score(one.ticket, one.call, one.part, now, &models) }
        return effects
    }
}
