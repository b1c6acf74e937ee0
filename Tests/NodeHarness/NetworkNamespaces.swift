import Foundation

/// Hosts of the tests' own: network namespaces on a bridge, which go with this object.
///
/// Needs root, as `ip netns` does.
package final class NetworkNamespaces {
    package let places: [NetworkPlace]
    private let prefix: String
    private let bridge: String

    /// Nil if this machine or this user cannot make them: why.
    package static var obstacle: String? {
        guard geteuid() == 0 else { return "network namespaces need root" }
        guard Programs.find("ip") != nil else { return "no 'ip' in PATH (Debian: iproute2)" }
        guard Programs.find("iptables") != nil else { return "no 'iptables' in PATH (Debian: iptables)" }
        let name = "st\(getpid())x"
        guard (try? run("ip", "netns", "add", name)) != nil else { return "'ip netns add' is not allowed here" }
        _ = try? run("ip", "netns", "del", name)
        return nil
    }

    /// Makes `count` hosts, 10.77.0.1 and on, and a hub between them.
    package init(_ count: Int) throws {
        precondition((1...200).contains(count), "\(count) hosts")
        prefix = "st\(getpid())r\(UInt32.random(in: 0..<100_000))"
        bridge = prefix + "hub"
        let prefix = prefix
        places = (0..<count).map { NetworkPlace(address: "10.77.0.\($0 + 1)", namespace: "\(prefix)n\($0)") }
        do {
            try make()
        } catch {
            remove()
            throw error
        }
    }

    deinit { remove() }

    private func make() throws {
        try Self.run("ip", "netns", "add", bridge)
        try Self.run("ip", "-n", bridge, "link", "add", "br0", "type", "bridge")
        try Self.run("ip", "-n", bridge, "link", "set", "br0", "up")
        for (index, place) in places.enumerated() {
            guard let name = place.namespace else { continue }
            try Self.run("ip", "netns", "add", name)
            try Self.run(
                "ip", "-n", bridge, "link", "add", "p\(index)", "type", "veth", "peer", "name", "eth0", "netns", name)
            try Self.run("ip", "-n", bridge, "link", "set", "p\(index)", "master", "br0", "up")
            try Self.run("ip", "-n", name, "addr", "add", "\(place.address)/24", "dev", "eth0")
            try Self.run("ip", "-n", name, "link", "set", "lo", "up")
            try Self.run("ip", "-n", name, "link", "set", "eth0", "up")
        }
    }

    private func remove() {
        for name in places.compactMap(\.namespace) + [bridge] {
            _ = try? Self.run("ip", "netns", "del", name)
            try? FileManager.default.removeItem(atPath: "/etc/netns/" + name)
        }
    }

    /// Programs that start in these hosts from now on ask that server for names.
    package func useNameServer(_ address: String) throws {
        for name in places.compactMap(\.namespace) {
            // Where `ip netns exec` looks for files that take the place of those in /etc.
            let folder = "/etc/netns/" + name
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try Data("nameserver \(address)\noptions timeout:1 attempts:2\n".utf8).write(
                to: URL(filePath: folder + "/resolv.conf"))
        }
    }

    // MARK: Weather

    /// What `from` sends to `to` is lost, until `heal`.
    package func cut(from: Int, to: Int) throws {
        try filter(from, ["-A", "OUTPUT", "-d", places[to].address, "-j", "DROP"])
    }

    /// Undoes one `cut` of these two.
    package func mend(from: Int, to: Int) throws {
        try filter(from, ["-D", "OUTPUT", "-d", places[to].address, "-j", "DROP"])
    }

    /// Nothing passes between the two sides, until `heal`.
    package func split(_ left: [Int], _ right: [Int]) throws {
        for one in left {
            for other in right {
                try cut(from: one, to: other)
                try cut(from: other, to: one)
            }
        }
    }

    /// A share of all packets that a host sends is lost, until `heal`.
    package func lose(_ share: Double, from index: Int) throws {
        try filter(index, Self.loss("-A", share))
    }

    /// Undoes one `lose` of that share.
    package func loseNoMore(_ share: Double, from index: Int) throws {
        try filter(index, Self.loss("-D", share))
    }

    private static func loss(_ verb: String, _ share: Double) -> [String] {
        [
            verb, "OUTPUT", "-o", "eth0", "-m", "statistic", "--mode", "random", "--probability", "\(share)", "-j",
            "DROP",
        ]
    }

    package func heal() throws {
        for index in places.indices { try filter(index, ["-F"]) }
    }

    private func filter(_ index: Int, _ arguments: [String]) throws {
        guard let name = places[index].namespace else { return }
        try Self.run(["ip", "netns", "exec", name, Programs.find("iptables") ?? "iptables", "-w"] + arguments)
    }

    private static func run(_ words: String...) throws { try run(words) }

    private static func run(_ words: [String]) throws {
        guard let program = Programs.find(words[0]) else { throw HarnessError("no '\(words[0])' in PATH") }
        let result = try ChildProcess.run(program, Array(words.dropFirst()))
        guard result.exit == .code(0) else {
            throw HarnessError("\(words.joined(separator: " ")): \(result.exit) \(result.errors)")
        }
    }
}
