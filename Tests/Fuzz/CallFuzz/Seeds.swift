import ClusterActors
import DataPlane
import FuzzKit
import HashRing
import LogFormat
import Ports
import Telemetry

enum Seeds {
    private static let device = DeviceID(unchecked: "device-01")
    private static let metric = Metric(unchecked: "temperature")
    private static let owner = Owner(name: "n1", incarnation: 1_700_000_000)
    private static let verdict = Verdict(
        result: .anomaly, score: 0.75, model: ModelID(name: "temperature", version: 3), isLate: false,
        reason: "a jump of 7 deviations")

    private static var scoreCall: ScoreCall {
        var call = ScoreCall(origin: LogID(high: 3, low: 4), writer: WriterID(9), number: CallNumber(7))
        let series = call.add(series: [
            Series(device: device, metric: metric), Series(device: device, metric: Metric(unchecked: "humidité")),
        ])
        for index in 0..<6 {
            call.append(
                slot: Slot(UInt16(index / 2)), series: series + UInt32(index % 2),
                time: Instant(microseconds: Int64(index)), value: Double(index) / 8,
                receivedAt: Instant(microseconds: 100), position: LogPosition(UInt64(40 + index)))
        }
        call.note(moves: 2, of: Slot(1))
        return call
    }

    private static var latestMetric: LatestMetric {
        var row = LatestMetric(
            metric: metric, value: 21.5, verdict: verdict, time: Instant(microseconds: 5), isSilent: false)
        row.expected = 20...22
        return row
    }

    private static var latestReply: LatestReply {
        let plain = LatestMetric(
            metric: Metric(unchecked: "humidity"), value: -4, verdict: .learning, time: .epoch, isSilent: true)
        let row = LatestDevice(device: device, time: .epoch, isSilent: false, metrics: [plain, latestMetric])
        return LatestReply(devices: [row], warm: SlotSet([Slot(7)]), isCut: true, version: 9, validFor: 1_000)
    }

    private static var query: LatestQuery {
        var query = LatestQuery()
        (query.device, query.metric, query.result, query.limit) = (device, metric, .anomaly, 10)
        (query.after, query.since) = (DeviceID(unchecked: "c"), .epoch)
        return query
    }

    private static var status: NodeStatus {
        var ledger = Ledger()
        (ledger.accepted, ledger.stored, ledger.pending) = (1_000, 990, 10)
        return NodeStatus(
            log: LogID(high: 3, low: 4), ledger: ledger, devices: 10, backlog: 5, refuses: false,
            token: FencingToken(8))
    }

    static func all() throws -> [Seed] {
        let state = SlotState(tombstones: [device: .epoch], awaitsRows: true)
        let gift = PullReply.Gift(slot: Slot(5), pieces: [state, SlotState()], isWhole: false, passedOn: owner)
        let answer = ScoreAnswer(
            verdicts: VerdictBatch(repeating: verdict, count: 3), moved: [SlotMove(Slot(4), to: owner)])
        let values: [(String, any WireValue)] = [
            ("score", scoreCall), ("score-reply", ScoreReply(answer)), ("latest", LatestCall(query: query, known: 4)),
            ("latest-reply", latestReply), ("live", LiveCall(cursor: 300)),
            ("live-reply", LiveReply(cursor: 9, readings: [LiveReading(device: device, metric: latestMetric)])),
            ("status", status), ("flag", Flag(true)),
            ("pull", PullCall(by: owner, [PullCall.Want(Slot(5)), PullCall.Want(Slot(4_095), from: 3)])),
            ("pull-reply", PullReply(gifts: [gift])), ("offer", OfferCall(by: owner, SlotSet([Slot(1)]))),
            ("device", device), ("instant", Instant(microseconds: 1)), ("score-columns", scoreCall),
        ]
        return try values.enumerated().map { kind, value in
            var writer = ByteWriter()
            writer.write(UInt8(kind))
            try value.1.encode(into: &writer)
            return Seed(value.0, writer.bytes)
        }
    }
}
