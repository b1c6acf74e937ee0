import DataPlane
import Telemetry

/// What the origins of a slot's readings were told, as seen from outside; it goes with the slot.
struct Answers {
    private var given: [Key: Answer] = [:]
    private var lastWriter: [LogID: WriterID] = [:]
    private var newestCall: [WriterID: CallNumber] = [:]

    struct Key: Hashable {
        let origin: LogID
        let position: LogPosition
    }

    struct Answer {
        let number: Int
        let verdict: Verdict
        let writer: WriterID
        let at: Moment
    }

    mutating func note(_ call: ScoreCall) {
        newestCall[call.writer] = max(newestCall[call.writer] ?? call.number, call.number)
    }

    /// A copy of a call that its origin gave up; nobody waits for its answer.
    func isStale(_ call: ScoreCall) -> Bool { newestCall[call.writer].map { call.number < $0 } ?? false }

    /// Two processes with one log: each settles what the other was answered.
    mutating func noteWriter(_ writer: WriterID, of origin: LogID) {
        if let last = lastWriter[origin], last != writer { given = [:] }
        lastWriter[origin] = writer
    }

    /// - Returns: what the same life of the origin was told before on the same reading, if owners still remember it.
    func known(_ key: Key, number: Int, by writer: WriterID, _ now: Moment) -> Verdict? {
        guard let answer = given[key], answer.number == number, answer.writer == writer,
            answer.at.advanced(byMicroseconds: SlotCore.repliesKept) > now
        else { return nil }
        return answer.verdict
    }

    /// Some life of the origin was told.
    func holds(_ number: Int, at key: Key) -> Bool { given[key]?.number == number }

    mutating func note(_ key: Key, _ answer: Answer) { given[key] = answer }

    mutating func take(_ other: Answers) {
        newestCall.merge(other.newestCall) { max($0, $1) }
        for (origin, writer) in other.lastWriter { noteWriter(writer, of: origin) }
        given.merge(other.given) { mine, _ in mine }
    }
}
