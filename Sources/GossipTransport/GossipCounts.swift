/// What went through the socket since the start.
package struct GossipCounts: Hashable, Sendable {
    package internal(set) var datagramsSent = 0
    package internal(set) var bytesSent = 0
    package internal(set) var datagramsReceived = 0
    package internal(set) var bytesReceived = 0
    package internal(set) var messagesReceived = 0
    /// Messages that the node was too slow for; the oldest go.
    package internal(set) var messagesDropped = 0
    /// Datagrams the system had no room for.
    package internal(set) var sendsDropped = 0
    /// Datagrams the system refused: no route, a firewall, no such address.
    package internal(set) var sendsFailed = 0
    /// Messages that no datagram can hold, or beyond `GossipLimits.messagesPerSendMax`.
    package internal(set) var messagesUnsendable = 0
    package internal(set) var refused: [DatagramRefusal: Int] = [:]
    /// The reading side ended by itself and was opened again.
    package internal(set) var reopened = 0

    package init() {}
}
