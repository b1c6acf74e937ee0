/// What a run did so far, in readings (a message with two metrics is two).
package struct FleetCounts: Hashable, Sendable {
    /// Measured.
    package var produced = 0
    package var accepted = 0
    /// Refused for good by a server.
    package var rejected = 0
    /// Measured and not answered for yet.
    package var buffered = 0
    /// Lost on this side: the buffer was full, the oldest went.
    package var dropped = 0
    /// Requests without a final answer.
    package var errors = 0
    /// Anomalies put in on purpose.
    package var anomalies = 0

    package init() {}

    /// Handed over: a server answered for them, one way or the other.
    package var sent: Int { accepted &+ rejected }

    package static func + (lhs: FleetCounts, rhs: FleetCounts) -> FleetCounts {
        lhs.combined(with: rhs, by: &+)
    }

    package static func - (lhs: FleetCounts, rhs: FleetCounts) -> FleetCounts {
        lhs.combined(with: rhs, by: &-)
    }

    private func combined(with other: FleetCounts, by join: (Int, Int) -> Int) -> FleetCounts {
        var result = FleetCounts()
        for field in Self.fields { result[keyPath: field] = join(self[keyPath: field], other[keyPath: field]) }
        return result
    }

    private static var fields: [WritableKeyPath<FleetCounts, Int>] {
        [\.produced, \.accepted, \.rejected, \.buffered, \.dropped, \.errors, \.anomalies]
    }
}
