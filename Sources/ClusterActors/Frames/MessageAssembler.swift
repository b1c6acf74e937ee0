import NIOCore

/// Frames → messages. What it holds is bounded in bytes and in number.
package struct MessageAssembler: Sendable {
    private var parts: [UInt64: PeerMessage] = [:]
    package private(set) var bytesCount = 0

    package init() {}

    package var partsCount: Int { parts.count }

    /// - Returns: the message that this frame makes whole.
    package mutating func take(_ frame: Frame) throws(FrameError) -> PeerMessage? {
        let id = frame.header.id
        if frame.header.isFirst {
            guard parts[id] == nil else { throw .badParts("message \(id) begins twice") }
            let message = PeerMessage(frame.header.kind, id: id, frame.payload)
            if frame.header.isLast { return message }
            guard parts.count < PeerLimits.partsMax else { throw .badParts("\(parts.count) messages at once") }
            try hold(frame.payload.readableBytes)
            parts[id] = message
            return nil
        }
        // The rest of a message that was given up here, or whose beginning was.
        guard var message = parts.removeValue(forKey: id) else { return nil }
        guard message.kind == frame.header.kind else { throw .badParts("message \(id) changes its kind") }
        guard message.payload.readableBytes + frame.payload.readableBytes <= PeerLimits.messageBytesMax else {
            throw .tooLarge(what: "message \(id)", max: PeerLimits.messageBytesMax)
        }
        try hold(frame.payload.readableBytes)
        message.payload.writeImmutableBuffer(frame.payload)
        guard frame.header.isLast else {
            parts[id] = message
            return nil
        }
        bytesCount -= message.payload.readableBytes
        return message
    }

    /// Nobody waits for that message any more.
    package mutating func forget(_ id: UInt64) {
        guard let message = parts.removeValue(forKey: id) else { return }
        bytesCount -= message.payload.readableBytes
    }

    private mutating func hold(_ bytes: Int) throws(FrameError) {
        guard bytes > 0 else { throw .badParts("an empty part") }
        guard bytesCount + bytes <= PeerLimits.partsBytesMax else {
            throw .tooLarge(what: "messages in parts", max: PeerLimits.partsBytesMax)
        }
        bytesCount += bytes
    }
}
