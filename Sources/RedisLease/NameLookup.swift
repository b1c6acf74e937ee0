import Dispatch
import Glibc
import Synchronization

/// One address of the server, port included, as the socket calls take it.
package struct ServerPlace: Hashable, Sendable {
    let family: Int32
    /// A `sockaddr` of that family.
    let bytes: [UInt8]
}

/// One look-up of a name, on a thread of its own: the C library's cannot be given up, and where name servers are silent
/// it takes half a minute. Whoever waits has a deadline, and may come back for the answer later, so that a lease never
/// has more than one such thread.
package final class NameLookup: Sendable {
    package enum Outcome: Hashable, Sendable {
        /// In the order in which they are to be tried; never empty.
        case places([ServerPlace])
        /// What the C library says.
        case unknown(String)
    }

    private let outcome = Mutex<Outcome?>(nil)
    private let ended = DispatchSemaphore(value: 0)

    convenience init(of host: String, port: UInt16) {
        self.init { Self.ask(host, port) }
    }

    /// - Parameter look: blocks until it knows.
    package init(_ look: @escaping @Sendable () -> Outcome) {
        DispatchQueue(label: "starling.lease.names").async { [self] in
            let found = look()
            outcome.withLock { $0 = found }
            ended.signal()
        }
    }

    /// Blocks until the answer is there, but not beyond the deadline.
    /// - Returns: nil if there is none yet; it may be waited for again.
    package func wait(until deadline: ContinuousClock.Instant) -> Outcome? {
        if let known = outcome.withLock({ $0 }) { return known }
        let left = ContinuousClock.now.duration(to: deadline)
        guard left > .zero else { return nil }
        // Sooner or later by a microsecond is no matter.
        let microseconds = left.components.seconds * 1_000_000 + left.components.attoseconds / 1_000_000_000_000
        _ = ended.wait(timeout: .now() + .microseconds(Int(microseconds)))
        return outcome.withLock { $0 }
    }

    private static func ask(_ host: String, _ port: UInt16) -> Outcome {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_NUMERICSERV
        var list: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host, "\(port)", &hints, &list)
        guard status == 0, let list else { return .unknown(String(cString: gai_strerror(status))) }
        defer { freeaddrinfo(list) }
        var found: [ServerPlace] = []
        var next: UnsafeMutablePointer<addrinfo>? = list
        while let one = next, found.count < RedisLimits.addressesMax {
            let bytes = UnsafeRawBufferPointer(start: one.pointee.ai_addr, count: Int(one.pointee.ai_addrlen))
            let place = ServerPlace(family: one.pointee.ai_family, bytes: [UInt8](bytes))
            if !found.contains(place) { found.append(place) }
            next = one.pointee.ai_next
        }
        return found.isEmpty ? .unknown("it has no address") : .places(found)
    }
}
