/// How many readings each of many senders may send: a token bucket apiece, refilled with time.
///
/// A bucket that holds a token takes a whole message, however large, and goes into debt by it: a message is never split, and
/// over any longer time the rate holds. Time is given in nanoseconds of a clock that never goes back.
///
/// Of senders whose bucket is full nothing is kept. Memory is bounded by `sendersMax`: beyond it, the older half of them
/// begins anew.
package struct TokenBuckets: Sendable {
    package struct Settings: Hashable, Sendable {
        /// Tokens a second.
        package let rate: Double
        /// What a sender that was silent may send at once, in seconds of its rate: clocks and networks bunch messages.
        package var burstSeconds = 10.0
        package var sendersMax = 1 << 18

        package init(rate: Double) {
            self.rate = rate
        }
    }

    private let settings: Settings
    private let burst: Double
    /// When each bucket will be full again, in nanoseconds: GCRA's "theoretical arrival time" (ITU-T I.371).
    private var recent: [UInt64: UInt64] = [:]
    private var older: [UInt64: UInt64] = [:]

    package init(_ settings: Settings) {
        self.settings = settings
        burst = max(1, settings.rate * settings.burstSeconds)
    }

    package var sendersCount: Int { recent.count + older.count }

    /// - Returns: nil if they are taken; else the nanoseconds after which they would be.
    package mutating func take(_ tokens: Int, of sender: UInt64, now: UInt64) -> UInt64? {
        if let wait = wait(of: sender, now: now) { return wait }
        charge(tokens, to: sender, now: now)
        return nil
    }

    /// - Returns: nil if this sender may send now; else the nanoseconds after which it may.
    package func wait(of sender: UInt64, now: UInt64) -> UInt64? {
        let whole = nanoseconds(burst)
        // With one token more there would be more than a whole bucket still to come in: there is none.
        let lacking = full(sender, now) - now + nanoseconds(1)
        return lacking > whole ? lacking - whole : nil
    }

    package mutating func charge(_ tokens: Int, to sender: UInt64, now: UInt64) {
        keep(full(sender, now) &+ nanoseconds(Double(max(0, tokens))), of: sender)
    }

    /// When its bucket will be full.
    private func full(_ sender: UInt64, _ now: UInt64) -> UInt64 { max(recent[sender] ?? older[sender] ?? now, now) }

    private mutating func keep(_ full: UInt64, of sender: UInt64) {
        older[sender] = nil
        recent[sender] = full
        guard recent.count >= max(1, settings.sendersMax / 2) else { return }
        older = recent
        recent = [:]
    }

    /// The time in which so many tokens come in: at most `nanosecondsMax`.
    private func nanoseconds(_ tokens: Double) -> UInt64 {
        let time = tokens / settings.rate * 1e9
        return time < Double(Self.nanosecondsMax) ? UInt64(time) : Self.nanosecondsMax
    }

    /// A day: a sender that is told to come back after longer is told so again.
    private static let nanosecondsMax: UInt64 = 86_400 * 1_000_000_000
}
