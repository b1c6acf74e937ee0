import Glibc

/// Where a node listens: loopback, or a network namespace of the tests' own.
package struct NetworkPlace: Hashable, Sendable {
    package static let loopback = NetworkPlace(address: "127.0.0.1", namespace: nil)

    /// IPv4.
    package let address: String
    /// As `ip netns` knows it; nil is the tests' own.
    package let namespace: String?

    package init(address: String, namespace: String?) {
        self.address = address
        self.namespace = namespace
    }

    /// What stands in front of a command so that it runs there. It becomes the command: the pid stays.
    package var prefix: [String] {
        namespace.map { [Programs.find("ip") ?? "ip", "netns", "exec", $0] } ?? []
    }

    /// Runs `body` with this thread in the namespace; a socket made there stays there.
    package func inside<Value>(_ body: () throws -> Value) throws -> Value {
        guard let namespace else { return try body() }
        let here = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)
        guard here >= 0 else { throw HarnessError(call: "open the thread's namespace") }
        defer { close(here) }
        let there = open("/var/run/netns/" + namespace, O_RDONLY | O_CLOEXEC)
        guard there >= 0 else { throw HarnessError(call: "open the namespace \(namespace)") }
        defer { close(there) }
        let enter = try Self.setns()
        guard enter(there, Self.newNetwork) == 0 else { throw HarnessError(call: "enter the namespace \(namespace)") }
        defer { precondition(enter(here, Self.newNetwork) == 0, "cannot leave the namespace \(namespace): \(errno)") }
        return try body()
    }

    /// `CLONE_NEWNET` of `<sched.h>`, which the Glibc module leaves out, as it does `setns(2)`.
    private static let newNetwork: Int32 = 0x4000_0000

    private static func setns() throws -> @convention(c) (Int32, Int32) -> Int32 {
        guard let symbol = dlsym(nil, "setns") else { throw HarnessError("this C library has no setns") }
        return unsafeBitCast(symbol, to: (@convention(c) (Int32, Int32) -> Int32).self)
    }
}
