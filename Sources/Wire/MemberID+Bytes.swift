import LogFormat
import Membership

/// name · incarnation · address, the address as: how the host is written · host · port.
///
/// Most members of a flock run at addresses of four bytes, and on one machine at the same: both are short.
extension MemberID {
    private enum HostForm: UInt8 {
        /// Four bytes.
        case v4 = 0
        /// Sixteen bytes.
        case v6 = 1
        /// A length and UTF-8.
        case text = 2
        /// That of the sender in the datagram's header; nothing follows.
        case sender = 3
    }

    /// Whether a datagram can hold it.
    var fits: Bool {
        !name.isEmpty && name.utf8.count <= MembershipLimits.nameBytesMax
            && address.host.utf8.count <= MembershipLimits.hostBytesMax
    }

    /// - Parameter sender: of the datagram; nil while it is itself what is written.
    func encode(into writer: inout ByteWriter, sender: MemberID?) {
        writer.write(string: name)
        writer.writeVarint(incarnation)
        if let sender, address.host.utf8.elementsEqual(sender.address.host.utf8) {
            writer.write(HostForm.sender.rawValue)
        } else if let bytes = NumericHost.bytes(of: address.host) {
            writer.write((bytes.count == NumericHost.v4BytesCount ? HostForm.v4 : .v6).rawValue)
            writer.write(bytes: bytes)
        } else {
            writer.write(HostForm.text.rawValue)
            writer.write(string: address.host)
        }
        writer.write(address.port)
    }

    init(decoding reader: inout ByteReader, sender: MemberID?) throws(FormatError) {
        let name = try reader.readString("name of a member", utf8CountMax: MembershipLimits.nameBytesMax)
        guard !name.isEmpty else { throw .invalid(what: "name of a member: it is empty") }
        let incarnation = try reader.readVarint()
        let form = try reader.readUInt8()
        let host: String
        switch HostForm(rawValue: form) {
        case .v4: host = NumericHost.text(of: try reader.readBytes(count: NumericHost.v4BytesCount))
        case .v6: host = NumericHost.text(of: try reader.readBytes(count: NumericHost.v6BytesCount))
        case .text: host = try reader.readString("host", utf8CountMax: MembershipLimits.hostBytesMax)
        case .sender:
            guard let sender else { throw .invalid(what: "host: that of a sender not yet named") }
            host = sender.address.host
        case nil: throw .invalid(what: "form \(form) of a host")
        }
        let port = try reader.readUInt16()
        self.init(name: name, address: MemberAddress(host: host, port: port), incarnation: incarnation)
    }
}
