import HashRing
import Ports
import Telemetry

/// What was answered to the last questions for `GET /latest`, so that asking again costs little while nothing changed:
/// an owner whose states are as before says only that.
struct LatestCache {
    /// Questions remembered: a dashboard asks the same again and again. Each holds a whole answer.
    static let queriesMax = 2

    /// What one owner answered.
    struct Part {
        let reply: LatestReply
        /// From then on time alone may have changed it.
        let validUntil: Moment
    }

    struct Entry {
        var parts: [Owner: Part] = [:]
        /// Made of these parts alone, if they are the whole fleet.
        var answer: LatestAnswer?
    }

    private var entries: [(query: LatestQuery, entry: Entry)] = []

    /// Those parts that may still be right.
    func entry(for query: LatestQuery, now: Moment) -> Entry {
        var entry = entries.first { $0.query == query }?.entry ?? Entry()
        let valid = entry.parts.filter { now < $0.value.validUntil }
        if valid.count < entry.parts.count { entry.answer = nil }
        entry.parts = valid
        return entry
    }

    /// The one asked last stays longest.
    mutating func keep(_ entry: Entry, for query: LatestQuery) {
        entries.removeAll { $0.query == query }
        entries.append((query, entry))
        if entries.count > Self.queriesMax { entries.removeFirst() }
    }
}
