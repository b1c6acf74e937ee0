package import Telemetry

/// One reading record of the log while memory knows it: accepted, not yet stored.
package struct IngestEntry: Hashable, Sendable {
    package let position: LogPosition
    package let readings: ReadingBatch
    /// When it was appended (or found in a replay).
    package let since: Moment
    /// In the order of `readings`; `unscored` where no verdict came yet.
    package var verdicts: VerdictBatch
    /// Readings that still wait for a verdict; 0 = ready to be stored. Those that were given up stay `unscored`.
    package var unscoredCount: Int
    /// The verdicts are written to the log, so memory may forget the entry.
    package var isLogged = false

    package init(position: LogPosition, readings: ReadingBatch, since: Moment) {
        self.position = position
        self.readings = readings
        self.since = since
        verdicts = VerdictBatch(repeating: .unscored, count: readings.count)
        unscoredCount = readings.count
    }

    package var end: LogPosition { position + readings.count }
    package var isComplete: Bool { unscoredCount == 0 }
}

/// Entries in log order; found by position, removed from the front.
package struct EntryWindow: Hashable, Sendable {
    private var slots: [IngestEntry] = []
    private var head = 0
    /// Of all entries.
    package private(set) var readingsCount = 0

    package init() {}

    package var count: Int { slots.count - head }
    package var isEmpty: Bool { count == 0 }
    package var first: IngestEntry? { isEmpty ? nil : slots[head] }

    package mutating func append(_ entry: IngestEntry) {
        slots.append(entry)
        readingsCount += entry.readings.count
    }

    package mutating func removeFirst() -> IngestEntry {
        let entry = slots[head]
        head += 1
        readingsCount -= entry.readings.count
        // Compact when half is free, so that removal costs O(1) in the mean.
        if head >= 64, head * 2 >= slots.count {
            slots.removeFirst(head)
            head = 0
        }
        return entry
    }

    /// Puts entries back to the front, in their order: a transaction that did not go in.
    package mutating func putBack(_ entries: [IngestEntry]) {
        slots.replaceSubrange(0..<head, with: entries)
        readingsCount += entries.reduce(0) { $0 + $1.readings.count }
        head = 0
    }

    package subscript(index: Int) -> IngestEntry {
        _read { yield slots[head + index] }
    }

    /// The index of the entry at `position`, nil if memory no longer knows it.
    package func index(at position: LogPosition) -> Int? {
        let index = firstIndex(atOrAfter: position)
        return index < count && slots[head + index].position == position ? index : nil
    }

    package func firstIndex(atOrAfter position: LogPosition) -> Int {
        slots[head...].partitionPoint { $0.position < position } - head
    }

    package mutating func modify<Answer>(
        at index: Int, _ change: (inout IngestEntry) -> Answer
    ) -> Answer {
        change(&slots[head + index])
    }
}
