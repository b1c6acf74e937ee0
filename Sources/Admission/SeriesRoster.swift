package import Telemetry

/// Which series there are, so that new ones beyond a limit can be refused at the door: whoever invents names must not fill
/// memory and store of the whole flock.
///
/// Every node has its own, made from the store and from what it admitted itself. It may lag behind the other nodes: what is
/// over the limit by the time all know of it is bounded by `newMax` a node. A series is kept as a hash; two with the same
/// hash count as one, which lets one in too many.
package struct SeriesRoster: Sendable {
    package let limit: Int
    /// New series admitted here before the store must be asked again what there is.
    package let newMax: Int
    private var stored: Set<UInt64> = []
    /// Admitted here and not seen in the store yet.
    private var new: Set<UInt64> = []
    /// The same, from before the last turn: gone with the next.
    private var previous: Set<UInt64> = []
    private var turnedAt: UInt64 = 0
    private let salt: UInt64

    package init(limit: Int, newMax: Int, salt: UInt64) {
        self.limit = limit
        self.newMax = newMax
        self.salt = salt
    }

    package var count: Int { stored.count + new.count + previous.count }
    package var isFull: Bool { count >= limit }
    /// What the store holds should be asked for.
    package var wantsUpdate: Bool { isFull || new.count >= newMax }

    package func hash(of series: Series) -> UInt64 {
        var hash = salt
        for byte in series.device.text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        hash = SeededGenerator.mixed(hash)
        for byte in series.metric.text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return SeededGenerator.mixed(hash)
    }

    package func isKnown(_ hash: UInt64) -> Bool {
        stored.contains(hash) || new.contains(hash) || previous.contains(hash)
    }

    /// - Parameter others: new ones of the same message that were let in before it.
    package func hasRoom(besides others: Int) -> Bool { count + others < limit }

    package mutating func admit(_ hash: UInt64) {
        if !isKnown(hash) { new.insert(hash) }
    }

    /// What the store holds now. What was admitted here and is not in it comes with a later commit, or was deleted: it
    /// counts for a while longer, since a store that was away may take its time.
    /// - Parameter now: nanoseconds of a clock that never goes back.
    package mutating func update(stored hashes: Set<UInt64>, now: UInt64) {
        stored = hashes
        new.subtract(hashes)
        previous.subtract(hashes)
        guard now &- turnedAt >= Self.turnNanoseconds else { return }
        turnedAt = now
        previous = new
        new = []
    }

    private static let turnNanoseconds: UInt64 = 600 * 1_000_000_000
}
