import Foundation
import NodeHarness

/// A port of loopback that the kernel takes connections at, and nobody else: whoever comes in hears nothing.
package final class SilentServer {
    package let port: UInt16
    private let listener: Int32

    /// - Parameter roomForClients: whoever comes in on top hears nothing at all, not even from the kernel; roughly, for
    ///   the kernel rounds up.
    package init(roomForClients: Int32 = 64) throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw HarnessError(call: "socket") }
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        inet_pton(AF_INET, "127.0.0.1", &address.sin_addr)
        let result = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) | listen(descriptor, roomForClients) | getsockname(descriptor, $0, &length)
            }
        }
        guard result == 0 else {
            close(descriptor)
            throw HarnessError(call: "listen")
        }
        listener = descriptor
        port = UInt16(bigEndian: address.sin_port)
    }

    deinit { close(listener) }

    /// Reads what the next client that came in has said, to the end of its connection.
    /// - Returns: how many bytes it was; nil if there is no such client, or it is still connected after `limit`.
    package func clientBytes(_ limit: Duration) -> Int? {
        let deadline = Deadline(in: limit)
        var one = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
        guard poll(&one, 1, deadline.milliseconds) > 0 else { return nil }
        let client = accept(listener, nil, nil)
        guard client >= 0 else { return nil }
        defer { close(client) }
        var sum = 0
        var part = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            var one = pollfd(fd: client, events: Int16(POLLIN), revents: 0)
            guard poll(&one, 1, deadline.milliseconds) > 0 else { return nil }
            let count = read(client, &part, part.count)
            guard count > 0 else { return sum }
            sum += count
        }
    }
}
