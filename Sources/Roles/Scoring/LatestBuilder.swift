import DataPlane
import Detection
import HashRing
import Ports
import Telemetry

/// Makes the rows of `GET /latest` from the states of slots.
struct LatestBuilder {
    let query: LatestQuery
    let now: Instant
    /// Devices unheard for longer are left out, in microseconds, unless all are asked for.
    let inactiveAfter: Int64
    /// Counted as heard when they were shown.
    var shown = ShownDevices()
    /// Say where next readings are expected.
    var models = ModelRegistry()

    /// Rows, and how long they stay right if no reading comes: time alone makes devices silent and hides them.
    struct Rows {
        var devices: [LatestDevice] = []
        /// Microseconds from `now`, at most `LatestReply.validMax`.
        var validFor = LatestReply.validMax
    }

    /// What is shown of a series, and what decides whether it is.
    private struct Entry {
        let series: Series
        let metric: LatestMetric
        let lastHeard: Instant
        /// When it was heard, or fell silent since.
        let changedAt: Instant
    }

    /// By device id as bytes, at most as many as the query wants.
    func rows(from slots: some Sequence<[Series: SeriesState]>) -> Rows {
        var rows = Rows()
        var entries: [Entry] = []
        for slot in slots { collect(slot, into: &entries, &rows) }
        // Indices, because an entry is large.
        let order = entries.indices.sorted { entries[$0].series < entries[$1].series }
        var start = 0
        while start < order.count, query.limit.map({ rows.devices.count < $0 }) ?? true {
            let device = entries[order[start]].series.device
            let end = order[start...].firstIndex { entries[$0].series.device != device } ?? order.endIndex
            if let row = row(of: device, order[start..<end].lazy.map { entries[$0] }, &rows) {
                rows.devices.append(row)
            }
            start = end
        }
        return rows
    }

    private func collect(_ slot: [Series: SeriesState], into entries: inout [Entry], _ rows: inout Rows) {
        for (series, state) in slot {
            guard let time = state.time else { continue }
            if let device = query.device, series.device != device { continue }
            if let after = query.after, series.device <= after { continue }
            let isSilent = state.isSilent(at: now)
            if !isSilent { rows.expire(after: state.silentAfter - now.microseconds(since: state.lastHeard)) }
            entries.append(
                Entry(
                    series: series,
                    metric: LatestMetric(
                        metric: series.metric, value: state.value, verdict: state.verdict, time: time,
                        isSilent: isSilent,
                        expected: isSilent ? nil : models.model(for: series.metric)?.expected(after: state.detector)),
                    lastHeard: state.lastHeard,
                    changedAt: state.lastHeard.advanced(byMicroseconds: isSilent ? state.silentAfter : 0)))
        }
    }

    private func row(of device: DeviceID, _ entries: some Sequence<Entry>, _ rows: inout Rows) -> LatestDevice? {
        var lastHeard = Instant.distantPast
        var time = Instant.distantPast
        var isSilent = true
        var metrics: [LatestMetric] = []
        for entry in entries {
            // A device is as active as its most active metric, also when the query shows only another one.
            lastHeard = max(lastHeard, entry.lastHeard)
            isSilent = isSilent && entry.metric.isSilent
            guard isWanted(entry) else { continue }
            time = max(time, entry.metric.time)
            metrics.append(entry.metric)
        }
        if !query.all {
            let silence = now.microseconds(since: max(lastHeard, shown[device] ?? lastHeard))
            guard silence <= inactiveAfter else { return nil }
            rows.expire(after: inactiveAfter - silence)
        }
        guard !metrics.isEmpty else { return nil }
        return LatestDevice(device: device, time: time, isSilent: isSilent, metrics: metrics)
    }

    private func isWanted(_ entry: Entry) -> Bool {
        if let wanted = query.metric, wanted != entry.metric.metric { return false }
        if let wanted = query.result, wanted != entry.metric.verdict.result { return false }
        if let since = query.since, entry.changedAt < since { return false }
        return true
    }
}

extension LatestBuilder.Rows {
    fileprivate mutating func expire(after microseconds: Int64) {
        validFor = max(0, min(validFor, microseconds))
    }
}
