import DataPlane
import Detection
import FuzzKit
import HashRing
import LogFormat
import Ports
import Telemetry

enum Seeds {
    private static let device = DeviceID(unchecked: "d")
    private static let metrics = ["flow", "pressure", "vibration"].map { Metric(unchecked: $0) }

    /// A pump: pressure and flow go together, vibration by itself.
    private static func row(_ random: inout SeededGenerator) -> [Double] {
        let load = random.drawUnit()
        return [10 + load + 0.1 * random.drawUnit(), 5 + load + 0.1 * random.drawUnit(), 1 + 0.2 * random.drawUnit()]
    }

    /// A model for each metric but the last.
    static let models: ModelRegistry = {
        var models = ModelRegistry()
        for (place, metric) in metrics.enumerated().dropLast() {
            var trainer = DetectorTrainer()
            var random = SeededGenerator(seed: 1)
            for index in 0..<DetectorTrainer.readingsCount {
                trainer.append(
                    row(&random)[place], at: Instant(microseconds: Int64(index) * 1_000_000),
                    series: Series(device: device, metric: metric))
            }
            models.activate(.detector(trainer.train(name: metric.text, version: 1, seed: 1)), for: metric)
        }
        return models
    }()

    /// What an owner gives after so many rows, two minutes apart.
    private static func state(rows: Int, metrics count: Int) -> SlotState {
        let slot = Slot(of: device)
        var core = SlotCore(slot: slot)
        var models = models
        let now = Moment(microseconds: 0)
        var random = SeededGenerator(seed: 1)
        _ = core.handle(.owned(from: nil), now: now, models: &models)
        let gone = Tombstone(device: DeviceID(unchecked: "gone"), time: .epoch)
        _ = core.handle(.warmed([], [gone]), now: now, models: &models)
        for index in 0..<rows {
            var call = ScoreCall(
                origin: LogID(high: 1, low: 2), writer: WriterID(1), number: CallNumber(UInt64(index + 1)))
            for (metric, value) in zip(metrics, row(&random)).prefix(count) {
                let time = Instant(microseconds: Int64(index + 1) * 120_000_000)
                let series = call.add(series: [Series(device: device, metric: metric)])
                call.append(
                    slot: slot, series: series, time: time, value: value, receivedAt: time,
                    position: LogPosition(UInt64(index * metrics.count + call.count)))
            }
            let ticket = SlotCore.Ticket(UInt64(index + 1))
            _ = core.handle(.score(ticket, call, call.parts[0]), now: now, models: &models)
        }
        let pull = SlotCore.Event.pullRequested(SlotCore.PullTicket(1), by: giver)
        for case .give(_, let gift) in core.handle(pull, now: now, models: &models) {
            if let state = gift.state { return state }
        }
        return SlotState()
    }

    static func all() throws -> [Seed] {
        let states = [
            ("nothing", SlotState()), ("awaits-rows", SlotState(awaitsRows: true)),
            ("one-reading", state(rows: 1, metrics: 1)), ("young", state(rows: 3, metrics: 2)),
            ("warm", state(rows: 80, metrics: 1)),
            // Alone the series that carries it: the others have the rest.
            ("with-panel", SlotState(series: state(rows: 2_000, metrics: 3).series.filter { $1.panel != nil })),
        ]
        return states.compactMap { name, state in encoded(state).map { Seed(name, $0) } }
    }
}
