package import Ports
package import Telemetry

/// Noticing that a series stopped reporting.
extension SlotCore {
    /// Series that fell silent since the last call, by name; each is told once, until it is heard again.
    ///
    /// To be called several times a second, with every tick; mostly it costs nothing, since a slot is gone through when a
    /// series of it may be silent, and every ten seconds.
    /// - Parameters:
    ///   - noticed: now, by the wall clock.
    ///   - limit: what does not fit is told by a later call.
    package mutating func takeSilences(_ now: Moment, noticed: Instant, atMost limit: Int) -> [Silence] {
        // Whoever is named by the ring may hear what does not come here.
        guard holder == .me, case .open = state, watch.look(now), limit > 0 else { return [] }
        guard case .open(var open) = state else { return [] }
        state = .cold
        defer { state = .open(open) }
        var next: Moment?
        var silent: [Series] = []
        for (series, known) in open.series where known.time != nil && !known.isSilenceNoticed {
            let end = watch.silentAt(heardAt: known.heardAt, silentAfter: known.silentAfter)
            if end < now { silent.append(series) } else { next = min(next ?? end, end) }
        }
        silent.sort()
        watch.wait(until: silent.count > limit ? now : next, now)
        return silent.prefix(limit).compactMap { series in
            guard let known = open.series[series], let time = known.time else { return nil }
            open.series[series]?.isSilenceNoticed = true
            return Silence(
                series: series, start: time, noticed: noticed, end: nil, value: known.value,
                usualInterval: known.usualInterval)
        }
    }
}
