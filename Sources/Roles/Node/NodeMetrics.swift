import CoreMetrics

/// What the roles count. Names are the contract's: `starling_…`, base units, no device label.
package enum NodeMetrics {
    static let scored = Counter(label: "starling_readings_scored_total")
    static let anomalies = Counter(label: "starling_readings_anomalous_total")
    static let silences = Counter(label: "starling_silences_total")
    static let stored = Counter(label: "starling_readings_committed_total")
    static let modelsTrained = Counter(label: "starling_models_trained_total")
    static let pruneRuns = Counter(label: "starling_prune_runs_total")
    static let pruneWaits = Counter(label: "starling_prune_waits_total")
    static let pruneSeconds = Gauge(label: "starling_prune_last_run_seconds")
    static let leads = Gauge(label: "starling_pruner_leader")
    static let hidden = Counter(label: "starling_devices_hidden_total")
    static let deleted = Counter(label: "starling_devices_deleted_total")
    static let slotsPulled = Counter(label: "starling_slots_pulled_total")
    static let slotsGiven = Counter(label: "starling_slots_given_total")

    /// Makes all of them, so that each is there with 0 before anything happened: who looks for changes sees none from
    /// nothing to 1.
    package static func begin() {
        _ = [
            scored, anomalies, silences, stored, modelsTrained, pruneRuns, pruneWaits, hidden, deleted, slotsPulled,
            slotsGiven,
        ]
        _ = [pruneSeconds, leads]
        AlertMetrics.begin()
    }

    /// For whoever renders them.
    package static let help = [
        "starling_readings_scored_total": "Readings judged by the owner's models on this node.",
        "starling_readings_anomalous_total": "Readings judged anomalous on this node.",
        "starling_silences_total": "Times that a device's metric fell silent, as noticed by this node.",
        "starling_readings_committed_total": "Readings whose transaction went into the store from this node.",
        "starling_models_trained_total": "Models trained by this node.",
        "starling_prune_runs_total": "Runs of the pruner on this node, those that waited among them.",
        "starling_prune_waits_total": "Runs that did nothing because somebody was away or too much was silent.",
        "starling_prune_last_run_seconds": "How long the last run on this node took.",
        "starling_pruner_leader": "1 while this node leads the pruner.",
        "starling_devices_hidden_total": "Devices that this node hid.",
        "starling_devices_deleted_total": "Devices that this node deleted because they were silent.",
        "starling_slots_pulled_total": "Slots whose state came from a former owner.",
        "starling_slots_given_total": "Slots whose state was given to another owner.",
    ].merging(AlertMetrics.help) { first, _ in first }
}
