import Telemetry

/// What happens when in a flock: a binary heap over virtual time; what is due at one moment comes in the order in which
/// it was added. Items lie beside the heap, so that moving its small entries costs little with thousands of datagrams.
struct FlockAgenda<Item: Sendable>: Sendable {
    private struct Entry: Sendable {
        let at: Moment
        let order: UInt64
        let place: Int

        static func < (lhs: Entry, rhs: Entry) -> Bool {
            lhs.at == rhs.at ? lhs.order < rhs.order : lhs.at < rhs.at
        }
    }

    private var heap: [Entry] = []
    private var items: [Item?] = []
    private var free: [Int] = []
    private var addedCount: UInt64 = 0

    var nextMoment: Moment? { heap.first?.at }

    mutating func add(_ item: Item, at moment: Moment) {
        addedCount += 1
        let place = free.popLast() ?? items.count
        if place == items.count { items.append(item) } else { items[place] = item }
        let entry = Entry(at: moment, order: addedCount, place: place)
        heap.append(entry)
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard entry < heap[parent] else { break }
            heap[child] = heap[parent]
            child = parent
        }
        heap[child] = entry
    }

    mutating func next() -> Item? {
        guard let first = heap.first, let last = heap.popLast() else { return nil }
        if !heap.isEmpty { sink(last) }
        free.append(first.place)
        defer { items[first.place] = nil }
        return items[first.place]
    }

    /// From the top to where it belongs.
    private mutating func sink(_ entry: Entry) {
        var parent = 0
        while true {
            var child = 2 * parent + 1
            guard child < heap.count else { break }
            if child + 1 < heap.count, heap[child + 1] < heap[child] { child += 1 }
            guard heap[child] < entry else { break }
            heap[parent] = heap[child]
            parent = child
        }
        heap[parent] = entry
    }
}
