import DataPlane
import Ports
import Telemetry

/// Listening for silence, in seconds.
extension SlotBench {
    /// Looks once.
    mutating func look(at time: Double, atMost limit: Int = .max) -> [Silence] {
        now = Moment(microseconds: Int64(time * 1_000_000))
        return core.takeSilences(now, noticed: Instant(microseconds: now.microseconds), atMost: limit)
    }

    /// Looks twice a second, up to and with the end; the series are heard every so often from the beginning on.
    @discardableResult
    mutating func listen(
        _ times: ClosedRange<Double>, hearing series: [Series] = [], every interval: Double = 1
    ) -> [Silence] {
        var silences: [Silence] = []
        for step in 0...Int((times.upperBound - times.lowerBound) * 2) {
            let time = times.lowerBound + Double(step) / 2
            silences += look(at: time)
            guard (time - times.lowerBound).truncatingRemainder(dividingBy: interval) == 0 else { continue }
            for one in series { hear(one, time: time, at: time) }
        }
        return silences
    }

    /// A reading, whose value is its time, is judged at a time at which it was just received.
    @discardableResult
    mutating func hear(
        _ series: Series, time: Double, receivedAt: Double? = nil, at moment: Double
    ) -> [SlotCore.Effect] {
        now = Moment(microseconds: Int64(moment * 1_000_000))
        return ask(series, time: time, receivedAt: receivedAt ?? moment)
    }

    static func ends(_ effects: [SlotCore.Effect]) -> [SilenceEnd] {
        effects.compactMap { if case .silenceEnded(let end) = $0 { end } else { nil } }
    }
}
