/// Every bound and every wait of the lease, all of them parts of its TTL. Times are in microseconds.
package struct LeaseLimits: Hashable, Sendable {
    package static let ttlMin: Int64 = 100_000
    package static let ttlMax: Int64 = 86_400_000_000
    /// How much faster or slower than true time a clock may run, in percent: quartz and kernels stay far below, the clocks
    /// of virtual machines that are moved or starved come near.
    package static let driftPercentMax: Int64 = 10
    /// A keeper counts in milliseconds, and may have read its clock a little before it does what it is asked.
    package static let keeperGrace: Int64 = 10_000
    /// Of a pause, drawn anew each time, so that nodes that began together do not stay together.
    package static let renewJitterPercent: Int64 = 20
    package static let seekJitterPercent: Int64 = 50

    /// How long the keeper keeps a lease that nobody renews, by the keeper's clock.
    package let ttl: Int64

    package init(ttl: Int64) {
        precondition((Self.ttlMin...Self.ttlMax).contains(ttl), "a lease of \(ttl) µs")
        self.ttl = ttl
    }

    /// How long a holder may act, by its own clock, from the moment at which it *sent* the request that got or renewed
    /// the lease.
    ///
    /// The keeper's TTL begins when the request arrives, which is not before it was sent; so it is safe to count from there,
    /// and from nowhere later. The keeper's clock may run 10 % fast and end the lease after `ttl / 1.1` of true time, while
    /// the holder's runs 10 % slow and takes `right / 0.9` of true time for its right: `right` is at most `ttl · 0.9 / 1.1`.
    package var right: Int64 {
        ttl * (100 - Self.driftPercentMax) / (100 + Self.driftPercentMax) - Self.keeperGrace
    }

    /// What a holder's right ends before its lease can have: two elevenths of the TTL for two clocks that drift apart, and
    /// the keeper's grace. An act that is under way when the right ends is no business of the margin, however long it is:
    /// a holder may stand still inside it for a day. The token that the store checks is for that.
    package var margin: Int64 { ttl - right }

    /// The longest pause between two renewals; four fifths of it the shortest.
    package var renewInterval: Int64 { ttl / 3 }
    /// How long an answer is waited for. After a renewal that is lost two more fit into the right.
    package var patience: Int64 { min(ttl / 6, Self.patienceMax) }
    /// A keeper that answers at all answers within seconds, however long the lease is; a stop waits for it.
    package static let patienceMax: Int64 = 1_000_000
    /// The longest pause between two questions of a seeker, half of it the shortest: a lease that is given back has
    /// another holder within half a second. After a call that failed too, for the keeper may be back at any time.
    package var seekInterval: Int64 { min(ttl / 12, 250_000) }
    /// After a step down: any other seeker is first.
    package var stepDownPause: Int64 { 2 * seekInterval }
    /// How often a driver gives a `tick`.
    package var tickInterval: Int64 { min(ttl / 30, 100_000) }
    /// A lease that cannot be given back ends by itself.
    package let releasesMax = 3
    /// Calls in a row without an answer until the keeper counts as away: one may be lost.
    package let silentCallsMax = 3
}
