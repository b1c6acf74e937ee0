import ClusterActors
import NIOCore
import Testing

/// Messages cut into frames that take turns, and put together again, within limits.
struct OutboxTests {
    private func message(_ id: UInt64, _ bytes: Int, _ kind: FrameKind = .reply) -> PeerMessage {
        PeerMessage(kind, id: id, ByteBuffer(repeating: UInt8(truncatingIfNeeded: id), count: bytes))
    }

    private func drain(_ outbox: inout Outbox) -> [Frame] {
        var frames: [Frame] = []
        while let frame = outbox.next() { frames.append(frame) }
        return frames
    }

    /// What makes the difference between a call of a millisecond and one that waits for six megabytes.
    @Test func aSmallReplyWaitsForOneFrameOfALargeOne() {
        var outbox = Outbox()
        outbox.add(message(1, 6 << 20))
        for _ in 0..<10 { _ = outbox.next() }
        outbox.add(message(2, 100))
        let next = [outbox.next(), outbox.next(), outbox.next()].map { $0?.header.id }
        #expect(next == [1, 2, 1])
    }

    @Test func messagesUnderWayTakeTurns() {
        var outbox = Outbox()
        for id in 1...3 as ClosedRange<UInt64> { outbox.add(message(id, 200_000)) }
        let turns = drain(&outbox).map(\.header.id)
        #expect(turns == [1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3])
        #expect(outbox.isEmpty && outbox.bytesCount == 0)
    }

    @Test func messagesOfEverySizeComeBackWhole() throws {
        var outbox = Outbox()
        let edge = FrameHeader.payloadBytesMax
        let sizes = [0, 1, edge - 1, edge, edge + 1, 2 * edge, 3 * edge + 5, PeerLimits.messageBytesMax]
        let messages = sizes.enumerated().map { message(UInt64($0.offset + 1), $0.element) }
        for message in messages { outbox.add(message) }
        #expect(outbox.bytesCount == sizes.reduce(0, +))
        var assembler = MessageAssembler()
        var whole: [PeerMessage] = []
        for frame in drain(&outbox) {
            #expect(frame.payload.readableBytes <= edge)
            if let message = try assembler.take(frame) { whole.append(message) }
        }
        #expect(whole.sorted { $0.id < $1.id } == messages)
        #expect(assembler.partsCount == 0 && assembler.bytesCount == 0)
    }

    /// However much waits, the receiver never holds more than its limit, and middling replies overtake large ones.
    @Test func theReceiverIsNeverSentMorePartsThanItHolds() throws {
        var outbox = Outbox()
        for id in 1...8 as ClosedRange<UInt64> { outbox.add(message(id, PeerLimits.messageBytesMax)) }
        for id in 9...400 as ClosedRange<UInt64> { outbox.add(message(id, 70_000)) }
        var assembler = MessageAssembler()
        var order: [UInt64] = []
        var most = 0
        while let frame = outbox.next() {
            if let message = try assembler.take(frame) { order.append(message.id) }
            most = max(most, assembler.bytesCount)
        }
        #expect(order.count == 400)
        #expect(Set(order.prefix(100)).isDisjoint(with: 1...8))
        #expect(most <= PeerLimits.partsBytesMax && most > PeerLimits.partsBytesMax / 2)
    }

    @Test func aMessageTakenBackIsSentNoFurther() {
        var outbox = Outbox()
        outbox.add(message(1, 1 << 20))
        outbox.add(message(2, 1 << 20))
        outbox.add(message(3, 8 << 20))
        for id in 4...7 as ClosedRange<UInt64> { outbox.add(message(id, 8 << 20)) }
        _ = outbox.next()
        // Only the first has begun; the last stands behind large ones that take all the room.
        let begun = [1, 2, 7, 99].map { outbox.drop($0) }
        #expect(begun == [true, false, false, false])
        let left = Set(drain(&outbox).map(\.header.id))
        #expect(left == [3, 4, 5, 6])
        #expect(outbox.bytesCount == 0)
    }

    @Test func partsThatDoNotFitTogetherAreErrors() throws {
        func frame(_ first: Bool, _ last: Bool, _ id: UInt64 = 1, _ kind: FrameKind = .reply, bytes: Int = 10) -> Frame
        {
            Frame(
                FrameHeader(kind: kind, isFirst: first, isLast: last, id: id), ByteBuffer(repeating: 0, count: bytes))
        }
        let cases: [[Frame]] = [
            [frame(true, false), frame(true, false)], [frame(true, false), frame(true, true)],
            [frame(true, false), frame(false, true, 1, .failure)], [frame(true, false, bytes: 0)],
            [frame(true, false), frame(false, true, bytes: 0)],
            (0...PeerLimits.partsMax).map { frame(true, false, UInt64($0)) },
            (0...129).map { frame($0 == 0, false, bytes: FrameHeader.payloadBytesMax) },
        ]
        for frames in cases {
            var assembler = MessageAssembler()
            #expect(throws: FrameError.self) { for frame in frames { _ = try assembler.take(frame) } }
        }
        // The rest of a message that was given up is nothing.
        var assembler = MessageAssembler()
        _ = try assembler.take(frame(true, false))
        assembler.forget(1)
        let rest = try assembler.take(frame(false, true))
        #expect(rest == nil)
        #expect(assembler.bytesCount == 0)
    }
}
