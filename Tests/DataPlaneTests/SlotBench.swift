import DataPlane
import Detection
import HashRing
import Ports
import Telemetry

/// One owner's slot with its models and clock, for stories of several owners.
struct SlotBench {
    static let metric = Metric(unchecked: "temperature")
    static let device = DeviceID(unchecked: "device-01")
    static let series = Series(device: device, metric: metric)
    static let slot = Slot(of: device)
    static let origin = LogID(high: 1, low: 2)

    let me: Owner
    var core = SlotCore(slot: slot)
    var models = trainedModels
    var now = Moment(microseconds: 0)
    private var callsCount: UInt64 = 0
    private var pullsCount: UInt64 = 0

    init(_ name: String, incarnation: UInt64 = 1) {
        me = Owner(name: name, incarnation: incarnation)
    }

    @discardableResult
    mutating func handle(_ event: SlotCore.Event) -> [SlotCore.Effect] {
        core.handle(event, now: now, models: &models)
    }

    mutating func tick(after microseconds: Int64) -> [SlotCore.Effect] {
        now = now.advanced(byMicroseconds: microseconds)
        return handle(.tick)
    }

    /// Owned, and opened with what the store has.
    mutating func open(_ rows: [LatestRow] = []) {
        handle(.owned(from: nil))
        handle(.warmed(rows, []))
    }

    /// Asks for verdicts on readings of the one series: time and value, from a position on.
    @discardableResult
    mutating func ask(
        _ readings: [(time: Int64, value: Double)], from position: UInt64, moves: UInt8 = 0
    ) -> [SlotCore.Effect] {
        callsCount += 1
        var call = ScoreCall(origin: Self.origin, writer: WriterID(1), number: CallNumber(callsCount))
        let index = call.add(series: [Self.series])
        for (offset, reading) in readings.enumerated() {
            call.append(
                slot: Self.slot, series: index, time: Instant(microseconds: reading.time), value: reading.value,
                receivedAt: Instant(microseconds: 1_000 + reading.time), position: LogPosition(position) + offset)
        }
        call.note(moves: moves, of: Self.slot)
        return handle(.score(SlotCore.Ticket(callsCount), call, call.parts[0]))
    }

    /// A reading whose value is its time, at a position of its own. In seconds.
    mutating func ask(_ series: Series, time: Double, receivedAt: Double) -> [SlotCore.Effect] {
        callsCount += 1
        var call = ScoreCall(origin: Self.origin, writer: WriterID(1), number: CallNumber(callsCount))
        let index = call.add(series: [series])
        call.append(
            slot: Self.slot, series: index, time: Instant(microseconds: Int64(time * 1_000_000)), value: time,
            receivedAt: Instant(microseconds: Int64(receivedAt * 1_000_000)), position: LogPosition(1_000 + callsCount))
        return handle(.score(SlotCore.Ticket(callsCount), call, call.parts[0]))
    }

    /// A pull arrives: what is given, nil if the answer has to wait.
    mutating func pull(by owner: Owner) -> SlotCore.Gift? {
        pullsCount += 1
        for case .give(_, let gift) in handle(.pullRequested(.init(pullsCount), by: owner)) { return gift }
        return nil
    }

    /// A series with a history, so that its next verdict depends on it.
    mutating func live(_ readings: Range<Int>) {
        for index in readings {
            ask([(Int64(index + 1) * 1_000_000, 21 + Double(index % 5))], from: UInt64(index))
        }
    }

    /// The state goes through bytes, as it does between nodes.
    static func sent(_ gift: SlotCore.Gift?) throws -> SlotCore.Gift {
        guard let gift, let state = gift.state else { return .nothing }
        return SlotCore.Gift(state: try SlotStateTests.again(state), passedOn: gift.passedOn)
    }

    static func verdicts(_ effects: [SlotCore.Effect]) -> [Verdict] {
        effects.flatMap { if case .reply(_, _, let verdicts) = $0 { verdicts } else { [Verdict]() } }
    }

    static func moved(_ effects: [SlotCore.Effect]) -> Owner? {
        for case .moved(_, _, let owner) in effects { return owner }
        return nil
    }

    static let trainedModels: ModelRegistry = {
        var trainer = DetectorTrainer()
        var random = SeededGenerator(seed: 1)
        for index in 0..<DetectorTrainer.readingsCount {
            trainer.append(
                20 + random.drawUnit() * 4, at: Instant(microseconds: Int64(index) * 1_000_000), series: series)
        }
        var models = ModelRegistry()
        models.activate(.detector(trainer.train(name: "temperature", version: 1, seed: 1)), for: metric)
        return models
    }()
}
