import NodeSettings
import Testing

/// Which address of a machine a node is found at that listens on all of them.
@Suite struct MachineAddressTests {
    private static let any4 = HostPort(host: "0.0.0.0", port: 7946)
    private static let any6 = HostPort(host: "::", port: 7946)

    private func choice(_ hosts: [String], at wildcard: HostPort) -> String? {
        let all = hosts.enumerated().map { MachineAddress(host: $1, interface: "eth\($0)") }
        return MachineAddress.advertised(listeningAt: wildcard, among: all)?.host
    }

    @Test(
        arguments: [
            (["127.0.0.1", "10.0.0.5", "192.168.1.1"], "10.0.0.5", "10.0.0.5"),
            (["fd00::5", "10.0.0.5"], "10.0.0.5", "10.0.0.5"),
            (["127.0.0.1", "::1", "fe80::1", "fd00::5", "2001:db8::1"], nil, "fd00::5"),
            (["127.0.1.1", "2001:db8::1"], nil, "2001:db8::1"),
            (["169.254.7.7", "172.17.0.2"], "172.17.0.2", "172.17.0.2"),
            (
                ["127.0.0.1", "::1", "169.254.7.7", "fe80::1", "febf::1", "ff02::1", "224.0.0.1", "0.0.0.0", "::"], nil,
                nil
            ),
            (["::ffff:127.0.0.1", "nonsense", ""], nil, nil),
            ([], nil, nil),
        ] as [([String], String?, String?)])
    func theFirstThatLeadsOutIsChosen(_ hosts: [String], at4: String?, at6: String?) {
        #expect(choice(hosts, at: Self.any4) == at4)
        #expect(choice(hosts, at: Self.any6) == at6)
    }

    @Test func whatIsDownIsPassedOver() {
        let all = [
            MachineAddress(host: "172.17.0.1", interface: "docker0", isUp: false),
            MachineAddress(host: "10.0.0.5", interface: "eth0"),
        ]
        #expect(MachineAddress.advertised(listeningAt: Self.any4, among: all)?.interface == "eth0")
        #expect(MachineAddress.advertised(listeningAt: Self.any4, among: [all[0]]) == nil)
    }

    @Test func theSystemListsItsAddresses() {
        let all = MachineAddress.all()
        #expect(all.count <= MachineAddress.addressesMax)
        #expect(all.allSatisfy { HostPort(host: $0.host, port: 0).isNumeric && !$0.interface.isEmpty }, "\(all)")
    }
}
