import CLibFuzzer
import Membership
import Wire

// Bytes of strangers into the decoder of gossip, for as long as one likes (docs/FUZZING.md says how).
//
// What traps is found by libFuzzer. What is read must also be written and read again the same.

var count = CommandLine.argc
var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
let status = LLVMFuzzerRunDriver(&count, &arguments) { start, count in
    guard let messages = try? Datagrams.decode(UnsafeRawBufferPointer(start: start, count: count)) else { return 0 }
    let again = Datagrams.encode(messages, bytesMax: 1 << 20)
    let back = again.flatMap { bytes in bytes.withUnsafeBytes { (try? Datagrams.decode($0)) ?? [] } }
    precondition(back == messages, "read \(messages), then \(back)")
    return 0
}
