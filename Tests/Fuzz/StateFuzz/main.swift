import DataPlane
import Detection
import FuzzKit
import HashRing
import LogFormat
import Telemetry

// A slot's state as a former owner gives it. What is read is written and read again the same; and whoever takes it over can
// go on judging: nothing that another node says of the past may trap, or yield a score that is none.

let me = Owner(name: "n1", incarnation: 1)
let giver = Owner(name: "n0", incarnation: 1)

func decoded(_ bytes: UnsafeRawBufferPointer) -> SlotState? {
    try? ByteReader.read(all: bytes) { reader throws(FormatError) in try SlotState(decoding: &reader) }
}

func encoded(_ state: SlotState) -> [UInt8]? {
    var writer = ByteWriter()
    return (try? state.encode(into: &writer)).map { writer.bytes }
}

/// What cannot be sent (a name that only a peer of another kind has) need not come back.
func checkAgain(_ state: SlotState) {
    guard let bytes = encoded(state) else { return }
    guard let again = bytes.withUnsafeBytes(decoded) else { preconditionFailure("wrote what cannot be read: \(state)") }
    precondition(encoded(again) == bytes, "read \(state), then \(again)")
    for piece in state.pieces(bytesMax: 2_048) {
        precondition(encoded(piece)?.withUnsafeBytes(decoded) != nil, "a piece cannot be read: \(piece)")
    }
}

/// Readings of its series: the newest again, a late one, then some that come in every rhythm.
func goOn(from state: SlotState) {
    guard let device = state.series.keys.min()?.device else { return }
    let slot = Slot(of: device)
    var core = SlotCore(slot: slot)
    var models = Seeds.models
    var now = Moment(microseconds: 0)
    func handle(_ event: SlotCore.Event) -> [SlotCore.Effect] { core.handle(event, now: now, models: &models) }
    _ = handle(.owned(from: giver))
    _ = handle(.pulled(SlotCore.Gift(state: state), from: giver))
    for (index, step) in [0, -1, 1, 1_000_000, 90_000_000, 86_400_000_000, Int64.max / 2].enumerated() {
        var call = ScoreCall(
            origin: LogID(high: 1, low: 2), writer: WriterID(1), number: CallNumber(UInt64(index + 1)))
        for name in state.series.keys.sorted().filter({ Slot(of: $0.device) == slot }).prefix(8) {
            let before = state.series[name]?.time ?? .epoch
            let series = call.add(series: [name])
            call.append(
                slot: slot, series: series, time: before.advanced(byMicroseconds: step), value: 20.5 + Double(index),
                receivedAt: before.advanced(byMicroseconds: step), position: LogPosition(UInt64(100 + call.count)))
        }
        guard let part = call.parts.first else { return }
        for case .reply(_, _, let verdicts) in handle(.score(SlotCore.Ticket(UInt64(index + 1)), call, part)) {
            precondition(verdicts.count == part.readings.count, "\(verdicts.count) verdicts")
            precondition(verdicts.allSatisfy { (0...1).contains($0.score) }, "\(verdicts)")
        }
        now = now.advanced(byMicroseconds: 250_000)
        _ = handle(.tick)
    }
    for case .give(_, let gift) in handle(.pullRequested(SlotCore.PullTicket(1), by: me)) {
        if let state = gift.state { checkAgain(state) }
    }
}

try Fuzzer.run(seeds: Seeds.all) { bytes in
    guard let state = decoded(bytes) else { return }
    checkAgain(state)
    goOn(from: state)
}
