import DataPlane
import Detection
import LogFormat
import Ports
import Telemetry

/// States as messages.
extension World {
    /// The gift as it comes out of its bytes, in pieces that are small enough to be several.
    mutating func inBytes(_ gift: SlotCore.Gift) -> SlotCore.Gift {
        guard let state = gift.state else { return gift }
        var pieces: [SlotState] = []
        for piece in state.pieces(bytesMax: 400) {
            do throws(FormatError) {
                var writer = ByteWriter()
                try piece.encode(into: &writer)
                pieces.append(
                    try ByteReader.read(all: writer.bytes) { reader throws(FormatError) in
                        try SlotState(decoding: &reader)
                    })
            } catch {
                problem("a slot's state does not come back from its bytes: \(error)")
            }
        }
        return .init(state: SlotState(joining: pieces), passedOn: gift.passedOn)
    }

    /// A mistake: what two owners counted, in one state.
    func merged(_ state: SlotState, _ mine: [Series: SeriesState]) -> SlotState {
        var series = state.series
        for (name, one) in mine {
            guard let other = series[name], let time = one.time, let otherTime = other.time, time != otherTime else {
                continue
            }
            var detector = one.detector
            detector.learn(other.value, at: otherTime)
            series[name] = SeriesState(
                LatestRow(
                    series: name, time: Instant(microseconds: max(time, otherTime).microseconds + 1),
                    value: other.value, verdict: other.verdict, lastHeard: max(one.lastHeard, other.lastHeard),
                    usualInterval: other.usualInterval, state: detector.encoded()))
        }
        return SlotState(
            series: series, replies: state.replies, tombstones: state.tombstones, awaitsRows: state.awaitsRows)
    }
}
