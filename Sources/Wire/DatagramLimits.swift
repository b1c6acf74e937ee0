import Membership

/// Every bound of what goes into a datagram, in bytes unless it says otherwise.
package enum DatagramLimits {
    /// Fits into every path's packet, with room for tunnels.
    package static let bytesMax = 1_200
    /// What a seal adds at most: kind 1, session 8, counter 5, tag 16.
    package static let sealBytesMax = 30
    /// Before the seal. Clear datagrams keep to it too, so that a key changes nothing else.
    package static let plainBytesMax = bytesMax - sealBytesMax
    /// Messages in one datagram. A burst to one address is a handful; a stranger's datagram must not become hundreds.
    package static let messagesMax = 16
    /// Rumors that one message holds; a core takes no more.
    package static let rumorsMax = 16

    // MARK: What must fit, at worst
    //
    // In front of an ack's rumors stand an accusation and an introduction; every message with its header and those two
    // fits: 160 + 12 + 548 + 340 = 1,060 of 1,170. What follows them is left out when there is no room.

    private static let varintMax = 10
    private static let lengthMax = 2
    /// How the host is written, the host, the port.
    static let addressBytesMax = 1 + 1 + MembershipLimits.hostBytesMax + 2
    static let idBytesMax = 1 + MembershipLimits.nameBytesMax + varintMax + addressBytesMax
    /// Version, flock, sender, digest.
    static let headerBytesMax = 1 + 8 + idBytesMax + 8
    /// Revision, http address, version, load.
    private static let stateBytesMax =
        varintMax + lengthMax + MembershipLimits.httpAddressBytesMax + 1 + MembershipLimits.versionBytesMax + 3
    /// Of another member, with its accuser.
    static let accusationBytesMax = 1 + idBytesMax + stateBytesMax + 1 + MembershipLimits.nameBytesMax
    /// Of the sender: the header has its identity.
    static let introductionBytesMax = 1 + stateBytesMax
    /// Kind, number, count of rumors.
    static let ackBytesMax = 1 + varintMax + 1
    package static let mustFitBytesMax =
        headerBytesMax + ackBytesMax + accusationBytesMax + introductionBytesMax
}
