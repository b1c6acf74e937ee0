/// Every bound of the gossip's sockets.
package enum GossipLimits {
    /// Datagrams that wait to leave; beyond it the oldest goes, as if the network had lost it.
    package static let outboundMax = 1_024
}
