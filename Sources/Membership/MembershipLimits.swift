/// Every bound and every wait of membership. Times are in microseconds.
package struct MembershipLimits: Hashable, Sendable {
    /// Parts of a table that have a digest of their own: 128 bytes find the sixteenth that differs.
    package static let partsCount = 16

    // Bytes of texts. Part of the wire format: with them a datagram holds what must not be left out of it.
    package static let nameBytesMax = 64
    /// The longest IPv6 address has 45, a zone some more: hosts are looked up before they become members' addresses.
    package static let hostBytesMax = 64
    /// A host name of 253 bytes, a colon and a port.
    package static let httpAddressBytesMax = 259
    package static let versionBytesMax = 64

    /// One probe each: with its answer, and as many of others, 2.44 packets sent a second and node.
    package var probeInterval: Int64 = 820_000
    /// Silence after which others are asked to try.
    package var directTimeout: Int64 = 300_000
    /// Silence after which the member is suspected.
    package var probeTimeout: Int64 = 800_000
    /// How long a helper waits before it says that it hears nothing either; with `directTimeout` less than
    /// `probeTimeout`.
    package var nackTimeout: Int64 = 300_000
    package var helpersMax = 3
    /// Who probes a suspect at once: its predecessors on the ring of names.
    package var observersMax = 5
    /// Probes under way at once. Beyond it observers leave a suspect to others.
    package var probesMax = 24
    /// Pings under way for others. Beyond it the asker hears nothing.
    package var relaysMax = 64
    /// The most that bad local health stretches waits, plus one.
    package var healthMax = 8

    /// Time to refute once enough others agree, and when nobody does.
    package var suspicionMin: Int64 = 1_500_000
    package var suspicionMax: Int64 = 8_000_000
    /// Others that have to agree for the shortest time. At most three: `MembershipCore.confirmedShare` knows no more.
    package var confirmationsMax = 3
    /// Pause between two pings of a suspect, whatever this node's health: they are for the suspect's good.
    package var reminderInterval: Int64 = 300_000
    /// A gap between ticks from which on this process stood still, and silence proves nothing.
    package var standstillMin: Int64 = 450_000

    /// Pause between rounds of news; a round without news sends nothing.
    package var gossipInterval: Int64 = 50_000
    package var gossipFanout = 4
    /// A rumor is sent this many times the decimal digits of the number of members: in a flock of 64, one in 300 changes
    /// misses somebody, who pulls it when next pinged.
    package var retransmitFactor = 5
    /// A message is made no larger than this, by `Message.bytesMax`: a sealed datagram of 1,200 bytes holds it.
    package var datagramMax = 1_100
    /// Rumors that ride on a message, where they fit.
    package var piggybackMax = 8
    /// Rumors accepted in one message.
    package var messageRumorsMax = 16
    /// News waiting to be sent. Beyond it the one sent most often goes; digests bring it where it is missing.
    package var rumorsMax = 1_024

    /// Pause between two pulls of this node.
    package var pullInterval: Int64 = 100_000
    /// Rows in all pieces of one answer. What is left over differs still and is pulled next.
    package var pullRowsMax = 256

    /// One member that is gone is pinged this often, for as long as it is known: partitions heal.
    package var goneProbeInterval: Int64 = 2_000_000
    /// Seeds, until somebody is known, and afterwards one of those where no member is known to be.
    package var joinInterval: Int64 = 400_000
    package var seedProbeInterval: Int64 = 5_000_000
    /// So many nodes look for the gone at full rate; more share the work.
    package var sharersCount = 16
    package var seedsMax = 64
    package var forgetAfter: Int64 = 86_400_000_000
    package var forgetInterval: Int64 = 1_000_000
    /// Answers to nodes of other flocks in each such time: enough for each of them to learn it soon.
    package var strangerAnswersMax = 16
    package var strangerAnswersInterval: Int64 = 1_000_000
    /// How long a leaver stays to spread the word.
    package var leaveLinger: Int64 = 600_000
    /// Members that a leaver tells itself.
    package var leaveTellsMax = 64

    /// Rows of the table, the gone included. Beyond it nobody new is taken in.
    package var membersMax = 4_096
    /// Beyond it a row is garbage: no member refutes that often, and it could not refute this.
    package var revisionsMax: UInt64 = 1 << 62

    package init() {}
}
