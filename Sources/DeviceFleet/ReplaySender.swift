package import Telemetry

/// The decisions of a replay: which rows go where next, and what goes again. A value, as `DeviceSender` is.
///
/// One request at a time: a series must arrive in its order, or every row after the first batch would count as late.
package struct ReplaySender: Sendable {
    package enum Step: Hashable, Sendable {
        case send(server: Int, rows: Range<Int>)
        case wait(until: Moment)
        case done
    }

    /// Rows in one request, about half a megabyte: far under the node's 8 MiB, and one sync to disk for all of them.
    package static let rowsPerRequestMax = 5000

    package let rowsCount: Int
    package private(set) var counts = FleetCounts()
    private var rotation: ServerRotation
    private var position = 0
    private var inFlight: (server: Int, rows: Range<Int>)?

    package init(rowsCount: Int, rotation: ServerRotation) {
        self.rowsCount = rowsCount
        self.rotation = rotation
        counts.produced = rowsCount
        counts.buffered = rowsCount
    }

    package mutating func step(now: Moment) -> Step {
        precondition(inFlight == nil, "a step of a replay while a request is out")
        guard position < rowsCount else { return .done }
        switch rotation.choose(now: now) {
        case .wait(let until): return .wait(until: until)
        case .ask(let server):
            let rows = position..<min(position + Self.rowsPerRequestMax, rowsCount)
            inFlight = (server, rows)
            return .send(server: server, rows: rows)
        }
    }

    package mutating func answered(_ outcome: PostOutcome, now: Moment) {
        guard let (server, rows) = inFlight else { return }
        inFlight = nil
        switch outcome {
        case .answered(let accepted, let rejected, _):
            counts.accepted += accepted
            counts.rejected += rejected
        case .refused:
            counts.rejected += rows.count
        case .again(_, let retryAfter):
            counts.errors += 1
            rotation.failed(server: server, retryAfterMicroseconds: retryAfter, now: now)
            return
        }
        rotation.succeeded(server: server)
        position = rows.upperBound
        counts.buffered = rowsCount - position
    }
}
