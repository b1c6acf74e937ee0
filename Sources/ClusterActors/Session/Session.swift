package import ClusterKeys
import Crypto
import Foundation
package import NIOCore

/// Why a connection ends from this side.
package enum SessionError: Error, Hashable, Sendable {
    case frame(FrameError)
    /// The other side said so.
    case refusedByPeer(Refusal)
    /// This side says so.
    case refusing(Refusal)
    /// Another node, or another life of it, answers at that address.
    case otherNode(String)
    case unexpected(FrameKind)
}

/// One end of one connection, as a value: bytes in → what happened, messages in → bytes out.
///
/// The caller says hello, the callee answers with its own or refuses, the caller says that it is ready. With a cluster
/// key the two hellos, whole, are the salt of a key a direction, and everything after them is sealed: who changes a
/// byte of a hello, or repeats an old connection's bytes, makes the next frame impossible to open.
package struct Session: Sendable {
    package enum Side: Hashable, Sendable {
        case caller(of: String, incarnation: UInt64)
        case callee
    }

    package enum Event: Hashable, Sendable {
        case established(Hello)
        case message(PeerMessage)
    }

    private enum Phase { case hello, ready(Hello), open }

    private let side: Side
    private var own: Hello
    private let keys: KeyRing?
    private var phase = Phase.hello
    private var reader = FrameReader(frameBytesMax: FrameHeader.bytes + PeerLimits.helloBytesMax)
    private var writer = FrameWriter()
    private var assembler = MessageAssembler()
    /// Frames of the hand-shake, which go before all others.
    private var control = ByteBuffer()
    package private(set) var outbox = Outbox()

    /// - Parameter own: with fresh random bytes; the key's hint is put in here.
    package init(_ side: Side, own: Hello, keys: KeyRing?) throws(FrameError) {
        self.side = side
        self.own = own
        self.keys = keys
        guard case .caller = side else { return }
        self.own.keyHint = keys?.sealing.hint
        try writer.write(FrameHeader(kind: .hello), self.own.encoded(), into: &control)
    }

    package var isEstablished: Bool {
        if case .open = phase { true } else { false }
    }

    // MARK: Out

    package var hasOutput: Bool { control.readableBytes > 0 || (isEstablished && !outbox.isEmpty) }

    package mutating func send(_ message: PeerMessage) {
        outbox.add(message)
    }

    /// Nobody waits for that message any more, in either direction.
    /// - Returns: true if a part of it is on its way.
    @discardableResult
    package mutating func drop(_ id: UInt64) -> Bool {
        assembler.forget(id)
        return outbox.drop(id)
    }

    /// Appends frames while fewer than `bytesMax` bytes stand in `buffer`.
    package mutating func fill(_ buffer: inout ByteBuffer, atMost bytesMax: Int) throws(FrameError) {
        buffer.writeBuffer(&control)
        control.clear()
        guard isEstablished else { return }
        while buffer.readableBytes < bytesMax, let frame = outbox.next() {
            try writer.write(frame.header, frame.payload, into: &buffer)
        }
    }

    /// The callee's last word to a caller that it does not like; only before the keys are in use.
    package mutating func refuse(_ refusal: Refusal) {
        guard case .callee = side, case .hello = phase else { return }
        try? writer.write(FrameHeader(kind: .refusal), ByteBuffer(bytes: [refusal.rawValue]), into: &control)
    }

    // MARK: In

    package mutating func append(_ bytes: ByteBuffer) {
        reader.append(bytes)
    }

    package var heldBytes: Int { reader.bytesCount + assembler.bytesCount }

    /// - Returns: nil when nothing more can be told from the bytes so far.
    package mutating func next() throws(SessionError) -> Event? {
        while let frame = try nextFrame() {
            switch phase {
            case .hello:
                if let peer = try meet(frame) { return .established(peer) }
            case .ready(let peer):
                guard frame.header.kind == .ready else { throw .unexpected(frame.header.kind) }
                open()
                return .established(peer)
            case .open:
                guard isExpected(frame.header.kind) else { throw .unexpected(frame.header.kind) }
                if frame.header.kind == .cancel {
                    // It bears the id of what it takes back, half of which may be here.
                    assembler.forget(frame.header.id)
                    return .message(PeerMessage(.cancel, id: frame.header.id))
                }
                do {
                    if let message = try assembler.take(frame) { return .message(message) }
                } catch {
                    throw .frame(error)
                }
            }
        }
        return nil
    }

    private mutating func nextFrame() throws(SessionError) -> Frame? {
        do {
            return try reader.next()
        } catch {
            // Whoever speaks another version of the frames says hello with it.
            if case .otherVersion = error, case .hello = phase { throw .refusing(.otherProtocol) }
            throw .frame(error)
        }
    }

    private func isExpected(_ kind: FrameKind) -> Bool {
        switch side {
        case .caller: kind == .reply || kind == .failure
        case .callee: kind == .request || kind == .cancel
        }
    }

    // MARK: Hand-shake

    /// - Returns: the peer, once there is nothing more to wait for.
    private mutating func meet(_ frame: Frame) throws(SessionError) -> Hello? {
        if frame.header.kind == .refusal, case .caller = side {
            let number: UInt8? = frame.payload.getInteger(at: frame.payload.readerIndex)
            throw .refusedByPeer(number.flatMap(Refusal.init) ?? .other)
        }
        guard frame.header.kind == .hello else { throw .unexpected(frame.header.kind) }
        let peer: Hello
        do { peer = try Hello(decoding: frame.payload) } catch { throw .refusing(error) }
        guard peer.protocolVersion == Hello.protocolVersion else { throw .refusing(.otherProtocol) }
        if let mine = own.flock, let other = peer.flock, mine != other { throw .refusing(.otherFlock) }
        do {
            switch side {
            case .caller(let node, let incarnation):
                guard peer.node == node, peer.incarnation == incarnation else {
                    throw SessionError.otherNode("\(peer.node)#\(peer.incarnation)")
                }
                guard peer.keyHint == own.keyHint else {
                    throw SessionError.refusing(peer.keyHint == nil ? .clearText : .unknownKey)
                }
                derive(caller: own.encoded(), callee: frame.payload)
                open()
                try writer.write(FrameHeader(kind: .ready), ByteBuffer(), into: &control)
                return peer
            case .callee:
                own.keyHint = try sharedKey(with: peer)
                let answer = own.encoded()
                try writer.write(FrameHeader(kind: .hello), answer, into: &control)
                derive(caller: frame.payload, callee: answer)
                phase = .ready(peer)
                return nil
            }
        } catch let error as SessionError {
            throw error
        } catch let error as FrameError {
            throw .frame(error)
        } catch {
            throw .unexpected(.hello)
        }
    }

    private func sharedKey(with caller: Hello) throws(SessionError) -> UInt32? {
        switch (keys, caller.keyHint) {
        case (nil, nil): return nil
        case (nil, .some): throw .refusing(.sealedText)
        case (.some, nil): throw .refusing(.clearText)
        case (.some(let keys), .some(let hint)):
            guard keys.key(hint: hint) != nil else { throw .refusing(.unknownKey) }
            return hint
        }
    }

    private mutating func derive(caller: ByteBuffer, callee: ByteBuffer) {
        guard let hint = own.keyHint, let key = keys?.key(hint: hint) else { return }
        let salt = Data(caller.readableBytesView) + Data(callee.readableBytesView)
        let calls = FrameSealing(key: key.derived(salt: salt, purpose: "calls"))
        let replies = FrameSealing(key: key.derived(salt: salt, purpose: "replies"))
        switch side {
        case .caller: (writer.sealing, reader.sealing) = (calls, replies)
        case .callee: (writer.sealing, reader.sealing) = (replies, calls)
        }
    }

    private mutating func open() {
        phase = .open
        reader.frameBytesMax = PeerLimits.frameBytesMax
    }
}
