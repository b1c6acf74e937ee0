import Foundation
import NodeHarness

/// A line to a server on loopback that can be cut: bytes go through both ways until a connection's fuse has burnt.
package final class CutLine: @unchecked Sendable {
    /// Bytes handed on at once: few, so that a cut falls between any two.
    private static let partBytes = 16 << 10
    private static let napMilliseconds: Int32 = 50

    package let port: UInt16
    private let target: UInt16
    private let listener: Int32
    private let fuse: @Sendable () -> Int?
    /// Guards what is below.
    private let lock = NSLock()
    private var generation = 0
    private var isEnded = false
    private var threadsLeft = 0
    private var burnt = 0
    private var isHeld = false

    /// - Parameters:
    ///   - target: the server's port.
    ///   - fuse: how many bytes, of both directions, the next connection carries; nil = any number.
    package init(to target: UInt16, fuse: @escaping @Sendable () -> Int?) throws {
        self.target = target
        self.fuse = fuse
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw HarnessError(call: "socket") }
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        var address = Self.loopback(0)
        let result = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) | listen(descriptor, 64) | getsockname(descriptor, $0, &length)
            }
        }
        guard result == 0 else { throw HarnessError(call: "listen") }
        listener = descriptor
        port = UInt16(bigEndian: address.sin_port)
        begin { [self] in accept() }
    }

    /// Ends every connection and waits for that.
    package func end() {
        lock.withLock { isEnded = true }
        var nothing = pollfd(fd: -1, events: 0, revents: 0)
        let deadline = Deadline(in: .seconds(10))
        while lock.withLock({ threadsLeft > 0 }), !deadline.isPast { poll(&nothing, 1, 5) }
    }

    /// Cuts the connections that there are; new ones are welcome.
    package func cut() { lock.withLock { generation += 1 } }

    /// From now on nothing is carried on, and nothing is lost: `letGo` carries it.
    package func hold() { lock.withLock { isHeld = true } }
    package func letGo() { lock.withLock { isHeld = false } }

    /// Connections whose fuse has burnt.
    package var cuts: Int { lock.withLock { burnt } }

    private var hasEnded: Bool { lock.withLock { isEnded } }

    private func begin(_ body: @escaping @Sendable () -> Void) {
        lock.withLock { threadsLeft += 1 }
        Thread.detachNewThread { [self] in
            body()
            lock.withLock { threadsLeft -= 1 }
        }
    }

    private static func loopback(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        inet_pton(AF_INET, "127.0.0.1", &address.sin_addr)
        return address
    }

    private func accept() {
        defer { close(listener) }
        while !hasEnded {
            var one = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
            guard poll(&one, 1, Self.napMilliseconds) > 0 else { continue }
            let near = Glibc.accept(listener, nil, nil)
            guard near >= 0 else { continue }
            // A program that is started meanwhile would keep the connection open. (Swift does not see `accept4`.)
            _ = fcntl(near, F_SETFD, FD_CLOEXEC)
            let bytes = fuse()
            begin { [self] in carry(near, bytes) }
        }
    }

    private func carry(_ near: Int32, _ fuse: Int?) {
        let far = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        defer {
            // No farewell: what was on its way is lost.
            var linger = linger(l_onoff: 1, l_linger: 0)
            for end in [near, far] {
                setsockopt(end, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
                close(end)
            }
        }
        var address = Self.loopback(target)
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(far, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { return }
        var left = fuse
        let born = lock.withLock { generation }
        var part = [UInt8](repeating: 0, count: Self.partBytes)
        while !hasEnded, lock.withLock({ generation == born }) {
            if lock.withLock({ isHeld }) {
                var nothing = pollfd(fd: -1, events: 0, revents: 0)
                poll(&nothing, 1, 5)
                continue
            }
            var ends = [near, far].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            guard poll(&ends, 2, Self.napMilliseconds) >= 0 else { return }
            for (index, end) in ends.enumerated() where end.revents != 0 {
                let count = read(end.fd, &part, min(part.count, left ?? part.count))
                guard count > 0, Self.write(part[..<count], to: index == 0 ? far : near) else { return }
                if let rest = left {
                    left = rest - count
                    guard rest > count else { return lock.withLock { burnt += 1 } }
                }
            }
        }
    }

    private static func write(_ bytes: ArraySlice<UInt8>, to end: Int32) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { send(end, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }
}
