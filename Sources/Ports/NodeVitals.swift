/// What a node measures of itself, for whoever looks after it.
package struct NodeVitals: Hashable, Sendable {
    /// The ingest log on this node's disk, and the most that it may be.
    package var logBytes: UInt64
    package var logLimitBytes: UInt64
    /// How long the oldest reading that is not stored yet has been waiting, in microseconds; 0 if all are stored.
    package var pendingFor: Int64
    /// Datagrams of gossip that were dropped as they came in, by the reason: every reason is there; none without gossip.
    package var refusedDatagrams: [String: UInt64]

    package init(logBytes: UInt64, logLimitBytes: UInt64, pendingFor: Int64, refusedDatagrams: [String: UInt64]) {
        self.logBytes = logBytes
        self.logLimitBytes = logLimitBytes
        self.pendingFor = pendingFor
        self.refusedDatagrams = refusedDatagrams
    }
}
