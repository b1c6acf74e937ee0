#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// An address that an interface of this machine has.
package struct MachineAddress: Hashable, Sendable {
    /// Numeric, without a zone.
    package let host: String
    package let interface: String
    /// Switched on, and something is plugged in.
    package let isUp: Bool

    package init(host: String, interface: String, isUp: Bool = true) {
        self.host = host
        self.interface = interface
        self.isUp = isUp
    }

    /// Where others find a node whose gossip listens at a wildcard: at the first address of IPv4 that is up and leads out
    /// of the machine; at `::` the first global one of IPv6 does where there is none. At `0.0.0.0` no IPv6 arrives.
    package static func advertised(listeningAt wildcard: HostPort, among all: [MachineAddress]) -> MachineAddress? {
        let able = all.filter { $0.isUp && HostPort(host: $0.host, port: 0).leadsOut }
        return able.first { !$0.isV6 } ?? (wildcard.host.contains(":") ? able.first { $0.isV6 } : nil)
    }

    private var isV6: Bool { host.contains(":") }

    package static let addressesMax = 1_024

    /// In the order in which the system has them; none if it does not tell.
    package static func all() -> [MachineAddress] {
        var first: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&first) == 0 else { return [] }
        defer { freeifaddrs(first) }
        var found: [MachineAddress] = []
        var next = first
        while let entry = next?.pointee, found.count < addressesMax {
            next = entry.ifa_next
            guard let name = entry.ifa_addr, let host = numericHost(name) else { continue }
            let flags = Int64(entry.ifa_flags)
            let (up, running) = (Int64(IFF_UP), Int64(IFF_RUNNING))
            found.append(
                MachineAddress(
                    host: host, interface: String(cString: entry.ifa_name),
                    isUp: flags & up != 0 && flags & running != 0))
        }
        return found
    }

    private static func numericHost(_ name: UnsafeMutablePointer<sockaddr>) -> String? {
        let length: Int
        switch CInt(name.pointee.sa_family) {
        case AF_INET: length = MemoryLayout<sockaddr_in>.size
        case AF_INET6: length = MemoryLayout<sockaddr_in6>.size
        default: return nil
        }
        var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        let code = getnameinfo(
            name, socklen_t(length), &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
        guard code == 0 else { return nil }
        // A zone (`fe80::1%eth0`) is of use to this machine alone.
        let bytes = text.prefix { $0 != 0 && $0 != CChar(UInt8(ascii: "%")) }.map { UInt8(bitPattern: $0) }
        return String(decoding: bytes, as: UTF8.self)
    }
}
