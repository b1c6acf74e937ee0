import Foundation
import Glibc
import NodeHarness
import Testing

extension NodeTests {
    @Suite(.timeLimit(.minutes(2))) struct EarlyStopTests {
        /// A server that takes connections and says nothing holds a start up for long.
        @Test(arguments: [SIGTERM, SIGINT]) func aNodeThatWaitsForItsStoreIsStopped(_ number: Int32) throws {
            let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(listener) }
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            var size = socklen_t(MemoryLayout<sockaddr_in>.size)
            let isListening = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { name in
                    bind(listener, name, size) == 0 && listen(listener, 8) == 0
                        && getsockname(listener, name, &size) == 0
                }
            }
            try #require(isListening)
            let folder = try TemporaryFolder()
            var place = try NodeTests.place(in: folder)
            place.store = "postgres://a:b@127.0.0.1:\(UInt16(bigEndian: address.sin_port))/c"
            let node = try NodeProcess(at: place)
            var connection = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
            try #require(poll(&connection, 1, 30_000) == 1, "it does not ask for its store: \(node.log)")
            node.process.send(number)
            #expect(node.process.wait(.seconds(5)) == .code(0))
        }
    }
}
