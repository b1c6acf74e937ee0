import Telemetry

/// What happens when, on a virtual clock: a binary heap; at one moment what was added first comes first.
struct Agenda<Item> {
    private var heap: [(at: Moment, order: Int, item: Item)] = []
    private(set) var addedCount = 0

    var nextMoment: Moment? { heap.first?.at }

    mutating func add(_ item: Item, at moment: Moment) {
        heap.append((moment, addedCount, item))
        addedCount += 1
        var child = heap.count - 1
        while child > 0, isEarlier(child, (child - 1) / 2) {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func next() -> Item? {
        guard !heap.isEmpty else { return nil }
        heap.swapAt(0, heap.count - 1)
        let first = heap.removeLast()
        var parent = 0
        while true {
            let children = [2 * parent + 1, 2 * parent + 2].filter { $0 < heap.count }
            guard let child = children.min(by: { isEarlier($0, $1) }), isEarlier(child, parent) else { break }
            heap.swapAt(child, parent)
            parent = child
        }
        return first.item
    }

    private func isEarlier(_ left: Int, _ right: Int) -> Bool {
        (heap[left].at, heap[left].order) < (heap[right].at, heap[right].order)
    }
}
