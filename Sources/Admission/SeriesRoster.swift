package import Telemetry

/// Which series there are, so that new ones beyond a limit can be refused at the door: whoever invents names must not fill
/// memory and store of the whole flock.
///
/// Every node has its own, made from the store and from what it admitted itself, so that it may lag behind the other nodes:
/// a flock is over its limit by what they let in between two looks into the store. A series is kept as a hash; two with the
/// same hash count as one, which lets one in too many.
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
    /// New ones of messages that are on their way in.
    private var reserved = 0
    /// The store was asked. Before that what it holds looks new here, and must not be refused.
    private var hasLearned = false
    private let salt: UInt64

    package init(limit: Int, newMax: Int, salt: UInt64) {
        self.limit = limit
        self.newMax = newMax
        self.salt = salt
    }

    package var count: Int { stored.count + new.count + previous.count }
    package var isFull: Bool { count + reserved >= roomInAll }
    private var roomInAll: Int { hasLearned || limit > Int.max / 2 ? limit : limit * 2 }
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

    /// Keeps a place for a new series of a message that is being read.
    /// - Returns: false if there is none.
    package mutating func reserve() -> Bool {
        guard !isFull else { return false }
        reserved += 1
        return true
    }

    /// Gives the places of a message back, when its series were admitted, or will not be.
    package mutating func release(_ places: Int) { reserved -= min(places, reserved) }

    package mutating func admit(_ hash: UInt64) {
        if !isKnown(hash) { new.insert(hash) }
    }

    /// What the store holds now. What was admitted here and is not in it comes with a later commit, or was deleted: it
    /// counts for a while longer, since a store that was away may take its time.
    /// - Parameter now: nanoseconds of a clock that never goes back.
    package mutating func update(stored hashes: Set<UInt64>, now: UInt64) {
        stored = hashes
        hasLearned = true
        new.subtract(hashes)
        previous.subtract(hashes)
        guard now &- turnedAt >= Self.turnNanoseconds else { return }
        turnedAt = now
        previous = new
        new = []
    }

    private static let turnNanoseconds: UInt64 = 600 * 1_000_000_000
}
