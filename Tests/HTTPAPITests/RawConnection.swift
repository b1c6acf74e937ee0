import Foundation

/// A plain TCP connection: what a client may send is not limited to what a good client would.
///
/// Blocking calls with a time limit of the socket's own; use it `onOwnThread`.
final class RawConnection {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private let socket: Int32
    private(set) var received: [UInt8] = []

    /// - Parameter receiveBytes: what the kernel takes for a client that does not read; its own choice without.
    init(port: Int, receiveBytes: Int32? = nil) throws {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        if var receiveBytes {
            setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &receiveBytes, socklen_t(MemoryLayout<Int32>.size))
        }
        var limit = timeval(tv_sec: 120, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else { throw Failure(description: "connect: \(errno)") }
    }

    deinit { close(socket) }

    func send(_ text: String) throws { try send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw Failure(description: "send: \(errno)") }
            rest = rest.dropFirst(count)
        }
    }

    /// Sends the same again and again until nobody takes any of it for seconds, or the server hangs up.
    /// - Returns: how many bytes went out, at most about `bytesMax`.
    func sendUntilStuck(_ bytes: [UInt8], bytesMax: Int) -> Int {
        var sent = 0
        while sent < bytesMax {
            var descriptor = pollfd(fd: socket, events: Int16(POLLOUT), revents: 0)
            guard poll(&descriptor, 1, Self.stuckMilliseconds) > 0 else { break }
            let start = sent % bytes.count
            let count = bytes[start...].withUnsafeBytes {
                Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
            }
            guard count > 0 || errno == EAGAIN else { break }
            sent += max(0, count)
        }
        return sent
    }

    private static let stuckMilliseconds: Int32 = 3_000

    /// Says that nothing more will come.
    func finishSending() { shutdown(socket, Int32(SHUT_WR)) }

    /// Everything until the server closes.
    func readToEnd() throws -> String {
        while try readMore() {}
        return text
    }

    /// Reads until `mark` was seen `times` times in all that ever came.
    @discardableResult
    func read(until mark: String, times: Int = 1) throws -> String {
        while text.ranges(of: mark).count < times {
            guard try readMore() else { throw Failure(description: "closed after: \(text)") }
        }
        return text
    }

    var text: String { String(decoding: received, as: UTF8.self) }

    private func readMore() throws -> Bool {
        let bytes = try receive()
        received += bytes
        return !bytes.isEmpty
    }

    /// What comes next, kept nowhere; empty at the end.
    func receive() throws -> ArraySlice<UInt8> {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = recv(socket, &buffer, buffer.count, 0)
        guard count >= 0 else { throw Failure(description: "recv: \(errno) after: \(text)") }
        return buffer.prefix(count)
    }
}
