import Wire

/// Every bound of the gossip's socket.
package enum GossipLimits {
    /// Messages that wait for the node; beyond it the oldest goes, as if the network had lost it. A table of 4,096 rows
    /// at eight a message, and as many pings, fit.
    package static let inboundMax = 1_024
    /// Of one call of `send`: a core that told everybody something at once says less.
    package static let messagesPerSendMax = 8_192
    /// What the kernel keeps in each direction, where the system allows as much: a burst of some 400 datagrams while the
    /// process stands still, at about 2.3 KB of the kernel's memory each. A full buffer drops.
    package static let socketBufferBytes: Int32 = 1 << 20
    /// Read one byte more than allowed, so that what is too long is seen and not cut.
    package static let readBytesMax = DatagramLimits.bytesMax + 1

    /// Senders whose replay windows are kept: all members of the largest flock and their former lives. Beyond it the one
    /// not heard for longest goes.
    package static let sessionsMax = 4_096

    /// Names to join by that are looked up at once, each on a thread of its own.
    package static let namesMax = 64
    /// Addresses of one name.
    package static let addressesPerNameMax = 64
    /// A resolver that hangs must not hold up the others' addresses; what it finds later counts the next time.
    package static let resolveTimeout = Duration.seconds(5)

    /// Between two lines of the log about the same kind of bad datagram.
    package static let logPause = Duration.seconds(60)
    /// Before the socket is read again after the reading side ended by itself.
    package static let reopenPause = Duration.milliseconds(100)
}
