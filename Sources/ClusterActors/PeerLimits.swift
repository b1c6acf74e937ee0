/// Every limit of the connections between nodes, and why it is what it is.
package enum PeerLimits {
    // MARK: Sizes

    /// A frame with its header: small enough that a call waits behind at most one frame of each message before it.
    package static let frameBytesMax = 64 << 10
    /// One request or reply: a page of `/latest` of a large fleet, some 80 full batches.
    package static let messageBytesMax = 8 << 20
    /// Messages of which a connection has parts. A sender begins no more than these, so only a broken one is cut off.
    package static let partsBytesMax = 32 << 20
    package static let partsMax = 256
    /// A message over this is large: large ones leave a quarter of `partsBytesMax` to those that are not.
    package static let largeMessageBytes = 1 << 20
    package static let largePartsBytesMax = partsBytesMax / 4 * 3
    /// Hellos and refusals come from strangers: names and a few numbers.
    package static let helloBytesMax = 1 << 10
    /// Node names and program versions.
    package static let nameBytesMax = 255
    package static let roleBytesMax = 64
    /// An error's text as it travels; the rest is cut.
    package static let errorTextBytesMax = 512
    /// Bytes that one write takes from the messages that wait, and the frame that goes over it.
    package static let writeBytesMax = 64 << 10
    /// Bytes in a socket's queue beyond which no more frames are cut: what is queued there cannot be overtaken.
    package static let socketQueueBytesMax = 128 << 10

    // MARK: Counts

    /// Requests of a connection that run or whose replies wait; beyond it they are answered `overloaded`.
    package static let runningMax = 1_024
    /// The same in bytes: twice what a caller may have under way, for those whose callers waited no longer.
    package static let requestsBytesMax = 2 * budgetBytes
    /// Replies that wait for a caller that reads nothing.
    package static let repliesBytesMax = 64 << 20
    /// Refusals included: a caller that sends and never reads is cut off.
    package static let repliesMax = 2 * runningMax
    /// Requests of all connections that wait for a thread.
    package static let requestsMax = 4_096
    /// Two connections from each of 256 nodes: one that is, one that just broke and nobody has noticed.
    package static let connectionsMax = 512
    package static let backlog: Int32 = 256

    // MARK: The caller's budget for a peer

    package static let budgetBytes = messageBytesMax
    package static let budgetCalls = runningMax
    /// Calls that wait for room in it; those beyond fail at once.
    package static let waitersMax = 16_384

    // MARK: Times

    package static let deadline: Duration = .seconds(4)
    /// From the connection to the proof of the key: a stranger that says nothing holds a socket no longer.
    package static let helloTime: Duration = .seconds(2)
    /// Shorter than a call's deadline, so that the caller learns the reason.
    package static let connectTime: Duration = .seconds(2)
    /// After a failed attempt calls fail at once for so long; doubled up to the longest, each drawn from its upper half.
    package static let backoffFirst: Duration = .milliseconds(100)
    package static let backoffLongest: Duration = .seconds(5)
    /// A peer whose machine lost power says nothing: its connection is asked after so many seconds, then every so many,
    /// and closed when so many questions found no answer. The calls themselves do not wait for that.
    package static let quietSeconds = 30
    package static let questionSeconds = 10
    package static let questionsMax = 3
    /// A stop waits for the replies of running calls: as long as their callers do.
    package static let drainTime: Duration = deadline
    /// One line a reason in so much time: a stranger must not fill the disk with our log.
    package static let logEvery: Duration = .seconds(30)

    // MARK: Keys

    /// Frames sealed by one key; then both sides derive the next. Well below the 2^24.5 full records that TLS allows.
    package static let framesPerKey: UInt64 = 1 << 20
}
