import FuzzKit
import Membership
import Wire

// Bytes of strangers into the decoder of gossip. What is read must also be written and read again the same.

func decoded(_ bytes: UnsafeRawBufferPointer) -> [Message]? {
    try? Datagrams.decode(bytes)
}

try Fuzzer.run(seeds: Seeds.all) { bytes in
    guard let messages = decoded(bytes) else { return }
    let again = Datagrams.encode(messages, bytesMax: 1 << 20)
    let back = again.flatMap { $0.withUnsafeBytes { decoded($0) ?? [] } }
    precondition(back == messages, "read \(messages), then \(back)")
    // In pieces that fit the network nothing is longer than it may be, and every piece is one.
    for piece in Datagrams.encode(messages) {
        precondition(piece.count <= DatagramLimits.plainBytesMax, "a datagram of \(piece.count) bytes")
        precondition(piece.withUnsafeBytes { decoded($0) } != nil, "wrote \(piece)")
    }
}
