/// Which counters of a sender were taken: each once, in any order within the window (as in RFC 6479).
struct ReplayWindow: Sendable {
    /// A sender counts all it sends, whoever it is for, so even neighbours may lie hundreds apart.
    static let wordsCount: UInt64 = 16
    /// The oldest word is being cleared for what comes next.
    static let span = (wordsCount - 1) * 64

    private var words = [UInt64](repeating: 0, count: Int(wordsCount))
    private(set) var highest: UInt64 = 0

    /// - Parameter first: the first counter that is heard of the sender; those right before it may still come.
    init(first: UInt64) {
        highest = first
        mark(first)
    }

    func isNew(_ counter: UInt64) -> Bool {
        if counter > highest { return true }
        guard highest - counter < Self.span else { return false }
        return words[index(counter)] & bit(counter) == 0
    }

    /// - Returns: false if it was taken before, or is too old to tell.
    mutating func take(_ counter: UInt64) -> Bool {
        guard isNew(counter) else { return false }
        if counter > highest {
            let steps = min(counter / 64 - highest / 64, Self.wordsCount)
            for step in 0..<steps { words[index((highest / 64 + 1 + step) * 64)] = 0 }
            highest = counter
        }
        mark(counter)
        return true
    }

    private mutating func mark(_ counter: UInt64) { words[index(counter)] |= bit(counter) }
    private func index(_ counter: UInt64) -> Int { Int(counter / 64 % Self.wordsCount) }
    private func bit(_ counter: UInt64) -> UInt64 { 1 << (counter % 64) }
}
