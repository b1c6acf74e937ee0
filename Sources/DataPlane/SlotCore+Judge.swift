import Detection
package import Ports
import Telemetry

/// Judging: verdicts from the state of an open slot, and what is remembered of those given.
extension SlotCore {
    func judge(
        _ call: ScoreCall, _ part: ScoreCall.Part, _ open: inout Open, _ now: Moment, _ models: inout ModelRegistry
    ) -> (verdicts: [Verdict], ended: [SilenceEnd]) {
        // The caller asks from here on, so what was given before is settled.
        var given = open.replies[call.origin]?.verdicts ?? []
        given.removeAll { $0.position < part.start }
        var verdicts: [Verdict] = []
        var ended: [SilenceEnd] = []
        verdicts.reserveCapacity(part.readings.count)
        // Mostly none: this is the first time that these readings are asked for. Both rise in the log's order.
        let known = given
        var next = 0
        for index in part.readings {
            let position = call.positions[index]
            let reading = Reading(
                series: call.series[Int(call.seriesIndices[index])], time: call.times[index], value: call.values[index])
            while next < known.count, known[next].position < position { next += 1 }
            var same = next
            while same < known.count, known[same].position == position, known[same].reading != reading { same += 1 }
            if same < known.count, known[same].position == position {
                verdicts.append(known[same].verdict)
                continue
            }
            let verdict = judge(reading, receivedAt: call.receivedAt[index], &open, &models, &ended, now)
            verdicts.append(verdict)
            given.append(Given(position: position, reading: reading, verdict: verdict))
        }
        // Two processes with copies of one log may ask in turns; for one alone it is in order already.
        if zip(given, given.dropFirst()).contains(where: { $0.position > $1.position }) {
            given.sort { $0.position < $1.position }
        }
        open.replies[call.origin] = Replies(givenAt: now, verdicts: given)
        return (verdicts, ended)
    }

    private func judge(
        _ reading: Reading, receivedAt: Instant, _ open: inout Open, _ models: inout ModelRegistry,
        _ ended: inout [SilenceEnd], _ now: Moment
    ) -> Verdict {
        let series = reading.series
        let arrival = SeriesState.Arrival(time: reading.time, value: reading.value, receivedAt: receivedAt)
        if let deleted = tombstones[series.device], receivedAt <= deleted {
            var stranger = SeriesState()
            return stranger.judge(arrival, of: series, &models, ended: &ended, now: now).verdict
        }
        let judged = open.series[series, default: SeriesState()]
            .judge(arrival, of: series, &models, ended: &ended, now: now)
        guard judged.isNewest else { return judged.verdict }
        return open.judgeTogether(reading, judged.verdict, isNew: judged.isFirst)
    }

    /// Keeps what was received before away from now on, and takes it out of `open`.
    /// - Parameter isNews: what was learned from what is gone goes, too; the same again takes nothing of its new life.
    mutating func bury(_ tombstone: Tombstone, in open: inout Open, isNews: Bool = false) {
        let isNew = isNews && !knows(tombstone)
        remember(tombstone)
        open.forget(tombstone.device, at: tombstone.time, isNews: isNew)
    }

    private mutating func remember(_ tombstone: Tombstone) {
        let known = tombstones[tombstone.device]
        if known == nil, tombstones.count >= Self.tombstonesMax,
            let oldest = tombstones.min(by: { ($0.value, $0.key) < ($1.value, $1.key) })
        {
            guard oldest.value < tombstone.time else { return }
            tombstones[oldest.key] = nil
        }
        tombstones[tombstone.device] = max(known ?? tombstone.time, tombstone.time)
    }

    /// It was told of this deletion before, or of a later one.
    package func knows(_ tombstone: Tombstone) -> Bool {
        tombstones[tombstone.device].map { $0 >= tombstone.time } ?? false
    }

    mutating func forget(_ tombstone: Tombstone, isNews: Bool) {
        switch state {
        case .cold: remember(tombstone)
        case .open(var open):
            state = .cold
            bury(tombstone, in: &open, isNews: isNews)
            state = .open(open)
        case .warming(var warming):
            state = .cold
            bury(tombstone, in: &warming.open, isNews: isNews)
            state = .warming(warming)
        case .sealed(var sealed):
            state = .cold
            bury(tombstone, in: &sealed.open, isNews: isNews)
            state = .sealed(sealed)
        }
    }

    mutating func forgetReplies(_ now: Moment) {
        let isKept = { (replies: Replies) in replies.givenAt.advanced(byMicroseconds: Self.repliesKept) > now }
        guard case .open(var open) = state, !open.replies.values.allSatisfy(isKept) else { return }
        state = .cold
        open.replies = open.replies.filter { isKept($0.value) }
        state = .open(open)
    }
}
