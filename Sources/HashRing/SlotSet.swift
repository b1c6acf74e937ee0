/// A set of slots: 512 bytes, whatever it holds.
package struct SlotSet: Hashable, Sendable {
    /// Bit `number % 64` of word `number / 64`.
    package private(set) var words: [UInt64]

    package static let wordsCount = Slot.count / 64

    package init() {
        words = [UInt64](repeating: 0, count: Self.wordsCount)
    }

    package init(_ slots: some Sequence<Slot>) {
        self.init()
        for slot in slots { insert(slot) }
    }

    /// - Returns: nil unless there are `wordsCount` words.
    package init?(words: [UInt64]) {
        guard words.count == Self.wordsCount else { return nil }
        self.words = words
    }

    package mutating func insert(_ slot: Slot) {
        words[Int(slot.number) / 64] |= 1 << UInt64(slot.number % 64)
    }

    package mutating func formUnion(_ other: SlotSet) {
        for index in words.indices { words[index] |= other.words[index] }
    }

    package mutating func formIntersection(_ other: SlotSet) {
        for index in words.indices { words[index] &= other.words[index] }
    }

    package func contains(_ slot: Slot) -> Bool {
        words[Int(slot.number) / 64] & (1 << UInt64(slot.number % 64)) != 0
    }

    /// Rising.
    package var slots: [Slot] {
        (0..<UInt16(Slot.count)).map(Slot.init).filter(contains)
    }

    /// Those that are not in it.
    package var missing: SlotSet {
        var all = self
        for index in words.indices { all.words[index] = ~words[index] }
        return all
    }
}
