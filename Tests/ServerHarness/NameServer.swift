import Foundation
import Glibc
package import NodeHarness

/// A dnsmasq in a network namespace: one name that stands for a list of addresses which changes, as that of a headless
/// Service does. It ends with this object.
package final class NameServer {
    package static let program = Programs.find("dnsmasq")
    private static let startLimit = Duration.seconds(30)

    private let child: ChildProcess
    private let name: String
    private let hosts: String
    private let folder: TemporaryFolder

    package init(at place: NetworkPlace, name: String) throws {
        guard let program = Self.program else { throw HarnessError("no 'dnsmasq' in PATH (Debian: dnsmasq-base)") }
        self.name = name
        folder = try TemporaryFolder("starling-names")
        hosts = try folder.write("", to: "hosts")
        child = try ChildProcess(
            Programs.find("ip") ?? "ip",
            ["netns", "exec", place.namespace ?? "", program, "--no-daemon", "--no-resolv", "--no-hosts"]
                + ["--conf-file=/dev/null", "--user=root", "--pid-file=", "--listen-address=\(place.address)"]
                + ["--bind-interfaces", "--local-ttl=1", "--addn-hosts=\(hosts)"], output: folder.file("log"))
        try waitUntilStarted()
    }

    /// Before, the signal that makes it read its hosts again would end it.
    private func waitUntilStarted() throws {
        let deadline = Deadline(in: Self.startLimit)
        while child.isRunning, !deadline.isPast {
            let log = (try? String(contentsOfFile: folder.file("log"), encoding: .utf8)) ?? ""
            if log.contains("started, version"), log.contains("read \(hosts)") { return }
            child.nap(10)
        }
        throw HarnessError("dnsmasq does not start: see 'dnsmasq --test'")
    }

    deinit { child.kill() }

    /// From now on the name stands for these.
    package func publish(_ addresses: [String]) throws {
        _ = try folder.write(addresses.map { "\($0) \(name)\n" }.joined(), to: "hosts")
        child.send(SIGHUP)
    }
}
