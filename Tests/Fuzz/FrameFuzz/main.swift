import ClusterActors
import FuzzKit
import NIOCore

// Bytes of strangers into the frames between nodes: what a caller sends over TCP, cut by the first byte, and what is
// inside. What is held must stay within its bounds, and what is read must be written again the same.

func checkHello(_ bytes: ByteBuffer) {
    guard let hello = try? Hello(decoding: bytes) else { return }
    precondition((try? Hello(decoding: hello.encoded())) == hello, "read \(hello)")
}

func check(_ message: PeerMessage) {
    precondition(message.payload.readableBytes <= PeerLimits.messageBytesMax, "a message that is too long")
    switch message.kind {
    case .hello: checkHello(message.payload)
    case .request:
        if let again = Payloads.request(message.payload) {
            precondition(again == message.payload, "read \(message.payload), wrote \(again)")
        }
    case .failure:
        let error = Payloads.failure(message.payload)
        precondition(error.description.utf8.count <= 4 * PeerLimits.errorTextBytesMax, "\(error)")
    case .refusal, .ready, .reply, .cancel: break
    }
}

/// What is put together is taken apart again and put together once more.
func checkOutbox(_ message: PeerMessage) {
    guard message.kind.isOfCalls else { return }
    var outbox = Outbox()
    outbox.add(message)
    var assembler = MessageAssembler()
    while let frame = outbox.next() {
        if let whole = try? assembler.take(frame) {
            precondition(outbox.isEmpty && whole == message, "sent \(message), received \(whole)")
            return
        }
    }
    preconditionFailure("\(message) does not arrive")
}

extension FrameKind {
    /// Those that an outbox sends.
    var isOfCalls: Bool { self == .request || self == .reply || self == .failure || self == .cancel }
}

func checkFrames(_ bytes: UnsafeRawBufferPointer, cut: Int) {
    var reader = FrameReader()
    var assembler = MessageAssembler()
    var written = ByteBuffer()
    var rest = bytes[...]
    while !rest.isEmpty {
        reader.append(ByteBuffer(bytes: rest.prefix(cut)))
        rest = rest.dropFirst(cut)
        do {
            while let frame = try reader.next() {
                var writer = FrameWriter()
                try writer.write(frame.header, frame.payload, into: &written)
                precondition(
                    written.readableBytesView.elementsEqual(bytes.prefix(written.readableBytes)), "\(frame.header)")
                guard let message = try assembler.take(frame) else { continue }
                check(message)
                checkOutbox(message)
            }
        } catch {
            return
        }
        precondition(reader.bytesCount <= PeerLimits.frameBytesMax + cut, "\(reader.bytesCount) bytes wait")
        precondition(assembler.bytesCount <= PeerLimits.partsBytesMax, "\(assembler.bytesCount) bytes of parts")
        precondition(assembler.partsCount <= PeerLimits.partsMax, "\(assembler.partsCount) messages in parts")
    }
}

try Fuzzer.run(seeds: Seeds.all) { bytes in
    guard let (first, rest) = bytes.divided() else { return }
    checkHello(ByteBuffer(bytes: rest))
    checkFrames(rest, cut: max(1, Int(first)))
}
