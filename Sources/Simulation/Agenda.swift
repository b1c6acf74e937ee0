import Telemetry

/// What happens when: a binary heap over virtual time. What is due at one moment comes in the order in which it was
/// added, so a run depends on nothing but its seed.
struct Agenda<Item> {
    private struct Entry {
        let at: Moment
        let order: UInt64
        let item: Item

        static func < (lhs: Entry, rhs: Entry) -> Bool { (lhs.at, lhs.order) < (rhs.at, rhs.order) }
    }

    private var heap: [Entry] = []
    private var addedCount: UInt64 = 0

    var count: Int { heap.count }
    var nextAt: Moment? { heap.first?.at }

    mutating func add(_ item: Item, at moment: Moment) {
        addedCount += 1
        heap.append(Entry(at: moment, order: addedCount, item: item))
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child] < heap[parent] else { return }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    mutating func next() -> (at: Moment, item: Item)? {
        guard let first = heap.first, let last = heap.popLast() else { return nil }
        guard !heap.isEmpty else { return (first.at, first.item) }
        heap[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && heap[child] < heap[least] {
                least = child
            }
            guard least != parent else { return (first.at, first.item) }
            heap.swapAt(least, parent)
            parent = least
        }
    }
}
