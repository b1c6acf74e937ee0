import Detection
import Telemetry

/// Devices with several metrics, watched as a whole.
extension SlotCore.Open {
    /// Judges a reading that is its series' latest together with the others of its device and time.
    /// - Parameter isNew: it is the first of its series.
    mutating func judgeTogether(_ reading: Reading, _ own: Verdict, isNew: Bool) -> Verdict {
        if isNew { noteNew(reading.series) }
        guard !panels.isEmpty, let carrier = panels[reading.series.device] else { return own }
        let found = series[carrier]?.panel?.take(reading.value, of: reading.series.metric, at: reading.time)
        let verdict = DevicePanel.verdict(own, found)
        if verdict != own { series[reading.series]?.amend(verdict) }
        return verdict
    }

    private mutating func noteNew(_ name: Series) {
        if let carrier = panels[name.device] {
            series[carrier]?.panel?.add(name.metric)
        } else {
            metricsCounts[name.device, default: 0] += 1
            guard metricsCounts[name.device] ?? 0 >= DevicePanel.metricsMin else { return }
            begin(name.device, metrics: series.keys.filter { $0.device == name.device }.map(\.metric))
        }
    }

    private mutating func begin(_ device: DeviceID, metrics: [Metric]) {
        guard metrics.count >= DevicePanel.metricsMin, let first = metrics.min() else { return }
        guard hasRoomToLearn else {
            panelsWait = true
            return
        }
        let carrier = Series(device: device, metric: first)
        panels[device] = carrier
        series[carrier]?.panel = DevicePanel(metrics)
        metricsCounts[device] = nil
    }

    private var hasRoomToLearn: Bool {
        panels.values.count { series[$0]?.panel?.isLearning == true } < DevicePanel.learningMax
    }

    /// Begins panels of devices that waited for others to be learned.
    mutating func beginWaitingPanels() {
        guard panelsWait, hasRoomToLearn else { return }
        indexPanels()
    }

    /// After series came or went in number: which of them carry panels, and which devices have none yet.
    mutating func indexPanels() {
        panels = [:]
        metricsCounts = [:]
        panelsWait = false
        var devices: [DeviceID: [Metric]] = [:]
        for (name, state) in series {
            devices[name.device, default: []].append(name.metric)
            guard state.panel != nil else { continue }
            // Two owners may each have begun one: what was learned goes before what is not, then the first.
            if let other = panels[name.device] {
                let isBetter = (state.panel?.watch != nil, other.metric > name.metric)
                let isKept = series[other]?.panel?.watch != nil
                guard isBetter.0 && !isKept || isBetter.0 == isKept && isBetter.1 else { continue }
            }
            panels[name.device] = name
        }
        for (device, metrics) in devices.sorted(by: { $0.key < $1.key }) where panels[device] == nil {
            metricsCounts[device] = metrics.count
            begin(device, metrics: metrics)
        }
    }
}
