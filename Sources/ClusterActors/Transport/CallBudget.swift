/// What a caller may have under way to one peer: counted from the call's start to its end, so a peer that stands still
/// costs its callers no more than this.
struct CallBudget: Hashable, Sendable {
    let bytesMax: Int
    let callsMax: Int
    private(set) var bytes = 0
    private(set) var calls = 0

    init(bytesMax: Int, callsMax: Int = PeerLimits.budgetCalls) {
        self.bytesMax = bytesMax
        self.callsMax = callsMax
    }

    /// - Returns: false if there is no room.
    mutating func take(_ more: Int) -> Bool {
        guard calls < callsMax, bytes + more <= bytesMax else { return false }
        calls += 1
        bytes += more
        return true
    }

    mutating func give(_ back: Int) {
        precondition(calls > 0 && bytes >= back, "\(back) bytes given back of \(bytes) in \(calls) calls")
        calls -= 1
        bytes -= back
    }
}
