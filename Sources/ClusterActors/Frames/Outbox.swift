import NIOCore

/// Messages → frames, in turn: each message under way gives one frame, then the next does, so a small call waits for
/// one frame of each of the others, however large they are.
package struct Outbox: Sendable {
    private struct Item {
        var message: PeerMessage
        let bytes: Int
        var isBegun = false

        var isLarge: Bool { bytes > PeerLimits.largeMessageBytes }
        var hasParts: Bool { bytes > FrameHeader.payloadBytesMax }
    }

    /// Give a frame each, in this order.
    private var turns = CircularBuffer<Item>()
    /// Longer than a frame, and not begun: the receiver's memory for parts is bounded, and is never exceeded from here.
    private var waiting = CircularBuffer<Item>()
    private var waitingLarge = CircularBuffer<Item>()
    private var openCount = 0
    private var openBytes = 0
    /// Payload that has not left yet.
    package private(set) var bytesCount = 0

    package init() {}

    package var count: Int { turns.count + waiting.count + waitingLarge.count }
    package var isEmpty: Bool { turns.isEmpty && waiting.isEmpty && waitingLarge.isEmpty }

    /// - Precondition: the message is not over its limit; whoever makes it has answered with an error instead.
    package mutating func add(_ message: PeerMessage) {
        let item = Item(message: message, bytes: message.payload.readableBytes)
        precondition(item.bytes <= PeerLimits.messageBytesMax, "a message of \(item.bytes) bytes")
        bytesCount += item.bytes
        if !item.hasParts {
            turns.append(item)
        } else if item.isLarge {
            waitingLarge.append(item)
        } else {
            waiting.append(item)
        }
        beginWaiting()
    }

    package mutating func next() -> Frame? {
        guard var item = turns.popFirst() else { return nil }
        let length = min(item.message.payload.readableBytes, FrameHeader.payloadBytesMax)
        let payload = item.message.payload.readSlice(length: length) ?? ByteBuffer()
        let isLast = item.message.payload.readableBytes == 0
        let header = FrameHeader(
            kind: item.message.kind, isFirst: !item.isBegun, isLast: isLast, id: item.message.id)
        bytesCount -= length
        item.isBegun = true
        if isLast {
            close(item)
        } else {
            turns.append(item)
        }
        return Frame(header, payload)
    }

    /// Takes a message back.
    /// - Returns: true if a part of it is on its way, so that the receiver has to be told.
    @discardableResult
    package mutating func drop(_ id: UInt64) -> Bool {
        if let index = turns.firstIndex(where: { $0.message.id == id }) {
            let item = turns.remove(at: index)
            bytesCount -= item.message.payload.readableBytes
            close(item)
            return item.isBegun
        }
        if let index = waiting.firstIndex(where: { $0.message.id == id }) {
            bytesCount -= waiting.remove(at: index).bytes
        } else if let index = waitingLarge.firstIndex(where: { $0.message.id == id }) {
            bytesCount -= waitingLarge.remove(at: index).bytes
        }
        return false
    }

    private mutating func close(_ item: Item) {
        guard item.hasParts else { return }
        openCount -= 1
        openBytes -= item.bytes
        beginWaiting()
    }

    private mutating func beginWaiting() {
        while let next = waiting.first, mayOpen(next, below: PeerLimits.partsBytesMax) { open(waiting.removeFirst()) }
        while let next = waitingLarge.first, mayOpen(next, below: PeerLimits.largePartsBytesMax) {
            open(waitingLarge.removeFirst())
        }
    }

    private func mayOpen(_ item: Item, below limit: Int) -> Bool {
        openCount < PeerLimits.partsMax && openBytes + item.bytes <= limit
    }

    private mutating func open(_ item: Item) {
        openCount += 1
        openBytes += item.bytes
        turns.append(item)
    }
}
