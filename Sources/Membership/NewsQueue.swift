/// Rows of which others may not have heard: what was sent least goes first, of that the newest.
///
/// News name a row and not its content: what is sent is what the row says by then.
struct NewsQueue: Hashable, Sendable {
    struct Item: Hashable, Sendable {
        /// Nil: this node's own.
        let row: Int?
        let accuser: String?
    }

    /// By how often they were sent.
    private var bySent: [[Item]] = []
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    mutating func add(_ item: Item) {
        if bySent.isEmpty { bySent.append([]) }
        bySent[0].append(item)
        count += 1
    }

    /// Takes out what `isOld`; returns how many were.
    @discardableResult mutating func remove(where isOld: (Item) -> Bool) -> Int {
        let before = count
        for index in bySent.indices {
            let size = bySent[index].count
            bySent[index].removeAll(where: isOld)
            count -= size - bySent[index].count
        }
        return before - count
    }

    /// Takes out the one that was sent most often, of those the oldest.
    mutating func removeMostSent() -> Item? {
        guard let index = bySent.lastIndex(where: { !$0.isEmpty }) else { return nil }
        count -= 1
        return bySent[index].removeFirst()
    }

    /// Chooses what goes next, as long as `hasRoom` for it. What was sent `enough` times is taken out and given to `worn`.
    mutating func choose(enough: Int, hasRoom: (Item) -> Bool, worn: (Item) -> Void) {
        for index in bySent.indices.dropFirst(enough) {
            count -= bySent[index].count
            bySent[index].forEach(worn)
            bySent[index] = []
        }
        // The most sent first, so that nothing is chosen twice: but it is the least sent that has the first call.
        var taken: [(sent: Int, item: Item)] = []
        var isFull = false
        for index in bySent.indices.prefix(enough) where !isFull {
            while let item = bySent[index].last {
                guard hasRoom(item) else {
                    isFull = true
                    break
                }
                bySent[index].removeLast()
                taken.append((index + 1, item))
            }
        }
        for (sent, item) in taken.reversed() {
            guard sent < enough else {
                count -= 1
                worn(item)
                continue
            }
            while bySent.count <= sent { bySent.append([]) }
            bySent[sent].append(item)
        }
    }

    /// Row `old` has the number `new` from now on.
    mutating func renumber(_ old: Int, as new: Int) {
        for index in bySent.indices {
            for place in bySent[index].indices where bySent[index][place].row == old {
                bySent[index][place] = Item(row: new, accuser: bySent[index][place].accuser)
            }
        }
    }
}
