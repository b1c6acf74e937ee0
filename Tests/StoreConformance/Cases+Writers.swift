import Ports
import Telemetry
import Testing

extension ConformanceCase {
    static let writers: [ConformanceCase] = [
        .init("a claim fences who wrote before", claimFences),
        .init("a claim that is repeated changes nothing", claimRepeated),
        .init("a claim of an unknown log adds nothing", claimUnknown),
        .init("a claim from somebody else's hands changes nothing", claimFromOther),
        .init("registering a log again changes nothing", registerAgain),
        .init("a log that replaces another closes its row", replacing),
        .init("a log that replaces one without a row is registered all the same", replacingUnknown),
        .init(stores: "of two nodes with one log, only the last to claim it moves its row", takingTurns),
        .init(stores: "two nodes that fight for one log lose and double nothing", fighting),
    ]

    private static let old = WriterID(1)
    /// Every bit counts.
    private static let new = WriterID(1 << 63 | 1)

    private static func claimFences(_ store: any ReadingStore) async throws {
        let log = Make.log(1)
        let series = Make.series("d")
        try await store.register(log, by: old)
        let row = try await store.commit(Make.transaction(log, Make.readings(series, 0..<10), by: old))
        #expect(row.writer == old)
        let claimed = try await store.claim(log: log, by: new)
        #expect(claimed == row.written(by: new))

        // The same readings from the same position: one of the two goes in.
        let late = Make.transaction(log, at: row.position, Make.readings(series, 10..<15), by: old)
        let same = Make.transaction(log, at: row.position, Make.readings(series, 10..<15), by: new)
        #expect(try await code { _ = try await store.commit(late) } == .conflict(claimed))
        #expect(try await store.checkpoint(of: log) == claimed)
        #expect(try await store.wholeHistory(of: series).count == 10)
        let committed = try await store.commit(same)
        #expect(committed.position == LogPosition(15) && committed.stored == 15 && committed.writer == new)
        #expect(try await code { _ = try await store.commit(late) } == .conflict(committed))
        // Not even one that only says how far the log reaches.
        let empty = StoreTransaction(
            log: log, writer: old, start: committed.position, end: committed.position, batches: [], damaged: 0,
            accepted: LogPosition(99))
        #expect(try await code { _ = try await store.commit(empty) } == .conflict(committed))
        #expect(try await store.checkpoint(of: log) == committed)
        #expect(try await store.wholeHistory(of: series).count == 15)
    }

    private static func claimRepeated(_ store: any ReadingStore) async throws {
        let log = Make.log(1)
        let other = try await store.append(Make.readings(Make.series("d"), 0..<3), to: Make.log(2))
        try await store.register(log, by: old)
        for _ in 0..<3 {
            let row = Checkpoint(log: log, node: "n0", writer: new)
            #expect(try await store.claim(log: log, by: new) == row)
            #expect(try await store.checkpoint(of: log) == row)
        }
        let row = try await store.commit(Make.transaction(log, Make.readings(Make.series("d"), 0..<5), by: new))
        for _ in 0..<2 { #expect(try await store.claim(log: log, by: new) == row) }
        #expect(Set(try await store.checkpoints()) == [row, other])
    }

    private static func claimFromOther(_ store: any ReadingStore) async throws {
        let log = Make.log(1)
        let row = try await store.register(log, by: old)
        #expect(try await store.claim(log: log, from: WriterID(7), by: new) == row)
        #expect(try await store.checkpoint(of: log) == row)
        #expect(try await store.claim(log: log, from: old, by: new) == row.written(by: new))
        // One that comes late takes nothing back.
        #expect(try await store.claim(log: log, from: WriterID(7), by: old) == row.written(by: new))
    }

    private static func claimUnknown(_ store: any ReadingStore) async throws {
        let log = Make.log(1)
        #expect(try await store.claim(log: log, by: new) == nil)
        #expect(try await store.checkpoint(of: log) == nil)
        #expect(try await store.checkpoints().isEmpty)
        let transaction = Make.transaction(log, Make.readings(Make.series("d"), 0..<3), by: new)
        #expect(try await code { _ = try await store.commit(transaction) } == .conflict(nil))
    }

    private static func registerAgain(_ store: any ReadingStore) async throws {
        let log = Make.log(1)
        let series = Make.series("d")
        try await store.register(log, by: old)
        let readings = Make.readings(series, 0..<6) + Make.readings(series, 4..<8)
        let row = try await store.commit(Make.transaction(log, readings, by: old, damaged: 3))
        #expect(try await store.register(log, node: "another name", by: new) == row)
        #expect(try await store.checkpoint(of: log) == row)
        let stranger = Make.transaction(log, at: row.position, [], by: new)
        #expect(try await code { _ = try await store.commit(stranger) } == .conflict(row))
        let next = try await store.commit(
            Make.transaction(log, at: row.position, Make.readings(series, 8..<9), by: old))
        #expect(next.stored == 9 && next.isBalanced)
    }

    private static func replacing(_ store: any ReadingStore) async throws {
        let (replaced, heir) = (Make.log(1), Make.log(2))
        let series = Make.series("d")
        let untouched = try await store.append(Make.readings(series, 0..<4), to: Make.log(3))
        try await store.register(replaced, by: old)
        let whole = Make.transaction(replaced, Make.readings(series, 0..<10), by: old, damaged: 2)
        let open = try await store.commit(
            StoreTransaction(
                log: replaced, writer: old, start: whole.start, end: whole.end, batches: whole.batches, damaged: 2,
                accepted: LogPosition(40)))
        #expect(open.accepted > open.position && open.duplicates == 4)
        var closed = open
        closed.accepted = open.position

        let fresh = try await store.register(log: heir, node: "n1", by: new, replacing: replaced)
        #expect(fresh == Checkpoint(log: heir, node: "n1", writer: new))
        #expect(try await store.checkpoint(of: replaced) == closed)
        let row = try await store.commit(Make.transaction(heir, Make.readings(series, 8..<13), by: new))
        // Again, as when the first answer was lost.
        #expect(try await store.register(log: heir, node: "n1", by: new, replacing: replaced) == row)
        #expect(Set(try await store.checkpoints()) == [closed, row, untouched])
    }

    private static func replacingUnknown(_ store: any ReadingStore) async throws {
        let log = Make.log(2)
        let row = try await store.register(log: log, node: "n0", by: new, replacing: Make.log(1))
        #expect(row == Checkpoint(log: log, node: "n0", writer: new))
        #expect(try await store.checkpoints() == [row])
    }

    // MARK: Two nodes that were started with copies of one folder

    private static let copied = Make.log(1)
    private static let copiedSeries = Make.series("copied")
    private static let copiedCount: Int64 = 120

    /// What the copied log holds from `start` on, `count` readings of it.
    private static func copiedPart(from start: LogPosition, count: Int64, by writer: WriterID) -> StoreTransaction {
        let first = Int64(start.readings)
        let readings = Make.readings(copiedSeries, first..<min(first + count, copiedCount))
        return Make.transaction(copied, at: start, readings, by: writer)
    }

    private static func takingTurns(_ place: StorePlace) async throws {
        let nodes = [(try await place.prepared(), old), (try await place.prepared(), new)]
        var row = try await nodes[0].0.register(copied, by: old)
        var generator = SeededGenerator(seed: 1)
        while row.position < LogPosition(UInt64(copiedCount)) {
            let (store, writer) = nodes[generator.draw(below: 2)]
            if generator.draw(below: 3) == 0 {
                let claimed = try await store.claim(log: copied, by: writer)
                #expect(claimed == row.written(by: writer))
                row.writer = writer
            }
            let part = copiedPart(from: row.position, count: 7, by: writer)
            if writer == row.writer {
                row = try await store.commit(part)
            } else {
                #expect(try await code { _ = try await store.commit(part) } == .conflict(row))
            }
        }
        for (store, _) in nodes {
            #expect(try await store.checkpoint(of: copied) == row)
            #expect(try await store.wholeHistory(of: copiedSeries).count == Int(copiedCount))
            await store.close()
        }
        #expect(row.stored == UInt64(copiedCount) && row.duplicates == 0 && row.isBalanced)
    }

    private static func fighting(_ place: StorePlace) async throws {
        let stores = [try await place.prepared(), try await place.prepared()]
        try await stores[0].register(copied, by: old)
        let moves = try await withThrowingTaskGroup(of: Int.self) { group in
            group.addTask { try await fight(stores[0], as: old) }
            group.addTask { try await fight(stores[1], as: new) }
            return try await group.reduce(0, +)
        }
        let row = try #require(try await stores[0].checkpoint(of: copied))
        #expect(row.position.readings == UInt64(copiedCount) && row.stored == UInt64(copiedCount))
        #expect(row.duplicates == 0 && row.isBalanced)
        #expect(moves == Int(copiedCount) / 3, "each part went in by one of the two")
        #expect(try await stores[1].wholeHistory(of: copiedSeries).count == Int(copiedCount))
        for store in stores { await store.close() }
    }

    /// Claims and stores until the log is stored. Gives way after so many claims, so that one of the two comes through.
    private static func fight(_ store: any ReadingStore, as writer: WriterID) async throws -> Int {
        var moves = 0
        for _ in 0..<12 {
            guard var row = try await store.claim(log: copied, by: writer) else { return moves }
            while row.position < LogPosition(UInt64(copiedCount)) {
                do throws(StoreError) {
                    row = try await store.commit(copiedPart(from: row.position, count: 3, by: writer))
                    #expect(row.writer == writer)
                    moves += 1
                } catch {
                    guard case .conflict(let found) = error.code else { throw error }
                    #expect(found?.writer != writer, "nobody else moves a row of mine")
                    break
                }
            }
            if row.position == LogPosition(UInt64(copiedCount)) { return moves }
        }
        return moves
    }
}

extension Checkpoint {
    fileprivate func written(by writer: WriterID) -> Checkpoint {
        var row = self
        row.writer = writer
        return row
    }
}
