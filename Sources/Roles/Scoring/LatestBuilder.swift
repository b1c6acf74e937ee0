import DataPlane
import HashRing
import Ports
import Telemetry

/// Makes the rows of `GET /latest` from the states of slots.
struct LatestBuilder {
    let query: LatestQuery
    let now: Instant
    /// Devices unheard for longer are left out, in microseconds, unless all are asked for.
    let inactiveAfter: Int64

    private typealias States = [DeviceID: [(metric: Metric, state: SeriesState)]]

    /// By device id as bytes, at most as many as the query wants.
    func devices(from slots: some Sequence<[Series: SeriesState]>) -> [LatestDevice] {
        var states: States = [:]
        for slot in slots { collect(slot, into: &states) }
        var devices: [LatestDevice] = []
        for device in states.keys.sorted() {
            if let limit = query.limit, devices.count >= limit { break }
            guard let metrics = states[device], let row = self.device(device, metrics) else { continue }
            devices.append(row)
        }
        return devices
    }

    private func collect(_ slot: [Series: SeriesState], into states: inout States) {
        for (series, state) in slot where state.time != nil {
            if let device = query.device, series.device != device { continue }
            if let after = query.after, series.device <= after { continue }
            states[series.device, default: []].append((series.metric, state))
        }
    }

    private func device(
        _ device: DeviceID, _ metrics: [(metric: Metric, state: SeriesState)]
    ) -> LatestDevice? {
        // A device is as active as its most active metric, also when the query shows only another one.
        let lastHeard = metrics.lazy.map(\.state.lastHeard).max() ?? .epoch
        guard query.all || now.microseconds(since: lastHeard) <= inactiveAfter else { return nil }
        let isSilent = metrics.allSatisfy { $0.state.isSilent(at: now) }
        let shown = metrics.filter { isWanted($0.metric, $0.state) }.sorted { $0.metric < $1.metric }
        guard !shown.isEmpty else { return nil }
        let rows = shown.map { metric, state in
            LatestMetric(
                metric: metric, value: state.value, verdict: state.verdict, time: state.time ?? .epoch,
                isSilent: state.isSilent(at: now))
        }
        return LatestDevice(
            device: device, time: rows.lazy.map(\.time).max() ?? .epoch, isSilent: isSilent, metrics: rows)
    }

    private func isWanted(_ metric: Metric, _ state: SeriesState) -> Bool {
        if let wanted = query.metric, wanted != metric { return false }
        if let wanted = query.result, wanted != state.verdict.result { return false }
        if let since = query.since, state.lastHeard < since { return false }
        return true
    }
}
