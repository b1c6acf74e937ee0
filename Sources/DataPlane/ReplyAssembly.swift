package import HashRing
package import Telemetry

/// The answer to one arrival of a call, put together from the answers of its slots, some of which still warm up.
package struct ReplyAssembly: Hashable, Sendable {
    private let readingsCount: Int
    private var parts: [Int: Piece] = [:]
    private var moved: [Slot: Owner] = [:]
    private var answeredCount = 0

    private struct Piece: Hashable, Sendable {
        let slot: Slot
        let verdicts: [Verdict]
    }

    package init(readingsCount: Int) {
        self.readingsCount = readingsCount
    }

    /// Takes a slot's answer; the same part again changes nothing.
    package mutating func add(_ part: ScoreCall.Part, _ verdicts: [Verdict]) {
        take(Piece(slot: part.slot, verdicts: verdicts), part)
    }

    /// A slot's readings were not judged here. Where a part of them was, its verdicts are left out: they are given again
    /// by whoever has the slot now.
    package mutating func add(_ part: ScoreCall.Part, movedTo owner: Owner) {
        moved[part.slot] = owner
        take(Piece(slot: part.slot, verdicts: []), part)
    }

    private mutating func take(_ piece: Piece, _ part: ScoreCall.Part) {
        guard parts.updateValue(piece, forKey: part.readings.lowerBound) == nil else { return }
        answeredCount += part.readings.count
    }

    /// Nil while some parts have no answer.
    package var answer: ScoreAnswer? {
        guard answeredCount == readingsCount else { return nil }
        var all = VerdictBatch()
        for start in parts.keys.sorted() {
            guard let piece = parts[start], moved[piece.slot] == nil else { continue }
            for verdict in piece.verdicts { all.append(verdict) }
        }
        return ScoreAnswer(
            verdicts: all, moved: moved.sorted { $0.key < $1.key }.map { SlotMove($0.key, to: $0.value) })
    }
}
