package import HashRing
package import Telemetry

/// What an origin asks of an owner: judge these readings. Columns, sorted by slot, in log order within a slot.
///
/// Every reading carries its place in the origin's log: (origin, position) is what an owner recognises a retry by.
package struct ScoreCall: Hashable, Sendable {
    /// The readings `readings` of the columns belong to `slot`.
    package struct Part: Hashable, Sendable {
        package let slot: Slot
        package let readings: Range<Int>
        /// Where the slot's readings in this call begin in the log: what was answered before it is settled.
        package let start: LogPosition

        package init(slot: Slot, readings: Range<Int>, start: LogPosition) {
            self.slot = slot
            self.readings = readings
            self.start = start
        }

        /// The part in two, the first with `count` readings.
        package func split(after count: Int) -> (Part, Part) {
            let middle = readings.lowerBound + count
            return (
                Part(slot: slot, readings: readings.lowerBound..<middle, start: start),
                Part(slot: slot, readings: middle..<readings.upperBound, start: start)
            )
        }
    }

    package let origin: LogID
    /// The origin's life: a log goes on when its process is started again, the numbers of its calls begin anew.
    package let writer: WriterID
    package let number: CallNumber
    package private(set) var parts: [Part] = []
    /// How often owners sent a slot's readings on, before this call; slots that are not in it: never.
    package private(set) var moves: [Slot: UInt8] = [:]
    package private(set) var series: [Series] = []
    package private(set) var seriesIndices: [UInt32] = []
    package private(set) var times: [Instant] = []
    package private(set) var values: [Double] = []
    package private(set) var receivedAt: [Instant] = []
    package private(set) var positions: [LogPosition] = []

    package init(origin: LogID, writer: WriterID, number: CallNumber) {
        self.origin = origin
        self.writer = writer
        self.number = number
    }

    package var count: Int { times.count }

    package mutating func reserve(_ count: Int) {
        seriesIndices.reserveCapacity(count)
        times.reserveCapacity(count)
        values.reserveCapacity(count)
        receivedAt.reserveCapacity(count)
        positions.reserveCapacity(count)
    }

    package func moves(of slot: Slot) -> UInt8 { moves[slot] ?? 0 }

    package mutating func note(moves count: UInt8, of slot: Slot) {
        if count > 0 { moves[slot] = count }
    }

    /// Adds the series of a batch; its readings then refer to them from the returned index on.
    package mutating func add(series added: [Series]) -> UInt32 {
        defer { series.append(contentsOf: added) }
        return UInt32(series.count)
    }

    /// Appends a reading; slots must come in rising order.
    package mutating func append(
        slot: Slot, series: UInt32, time: Instant, value: Double, receivedAt: Instant, position: LogPosition
    ) {
        if let last = parts.last, last.slot == slot {
            parts[parts.count - 1] = Part(
                slot: slot, readings: last.readings.lowerBound..<(count + 1), start: last.start)
        } else {
            parts.append(Part(slot: slot, readings: count..<(count + 1), start: position))
        }
        seriesIndices.append(series)
        times.append(time)
        values.append(value)
        self.receivedAt.append(receivedAt)
        positions.append(position)
    }
}

/// An owner's answer to a call.
package struct ScoreAnswer: Hashable, Sendable {
    /// On the readings of all slots but those that moved, in the call's order.
    package let verdicts: VerdictBatch
    /// Slots of which nothing was judged, by number: who has them now.
    package let moved: [SlotMove]

    package init(verdicts: VerdictBatch, moved: [SlotMove] = []) {
        self.verdicts = verdicts
        self.moved = moved
    }
}

package struct SlotMove: Hashable, Sendable {
    package let slot: Slot
    package let owner: Owner

    package init(_ slot: Slot, to owner: Owner) {
        self.slot = slot
        self.owner = owner
    }
}

/// Numbers an origin's calls since its start; never reused by that life of it.
package struct CallNumber: Hashable, Comparable, Sendable {
    package let number: UInt64

    package init(_ number: UInt64) {
        self.number = number
    }

    package static func < (lhs: CallNumber, rhs: CallNumber) -> Bool { lhs.number < rhs.number }
}
