import CLibFuzzer
import ClusterActors
import NIOCore

// Bytes of strangers into the frames between nodes, for as long as one likes (docs/FUZZING.md says how).
//
// What traps is found by libFuzzer. What is held must stay within its bounds, however the bytes are cut.

var count = CommandLine.argc
var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
let status = LLVMFuzzerRunDriver(&count, &arguments) { start, count in
    let bytes = UnsafeRawBufferPointer(start: start, count: count)
    _ = try? Hello(decoding: ByteBuffer(bytes: bytes))
    var reader = FrameReader()
    var assembler = MessageAssembler()
    let cut = max(1, Int(bytes.first ?? 1))
    var rest = bytes[...]
    while !rest.isEmpty {
        reader.append(ByteBuffer(bytes: rest.prefix(cut)))
        rest = rest.dropFirst(cut)
        do {
            while let frame = try reader.next() { _ = try assembler.take(frame) }
        } catch {
            return 0
        }
        precondition(reader.bytesCount <= PeerLimits.frameBytesMax + cut, "\(reader.bytesCount) bytes wait")
        precondition(assembler.bytesCount <= PeerLimits.partsBytesMax, "\(assembler.bytesCount) bytes of parts")
    }
    return 0
}
