import CoreMetrics
import Synchronization

/// How many streams there are, and that there are not too many.
final class StreamSeats: Sendable {
    private let taken = Mutex(0)
    private let limit: Int
    private let open: Meter
    private let dropped: Counter

    static let help = [
        "starling_http_streams": "Streams of scored readings that are open.",
        "starling_http_streams_dropped_total": "Streams cut off because their reader was too slow.",
    ]

    init(limit: Int, factory: any MetricsFactory) {
        self.limit = limit
        open = Meter(label: "starling_http_streams", factory: factory)
        dropped = Counter(label: "starling_http_streams_dropped", factory: factory)
        open.set(0)
    }

    /// - Returns: nil when all are taken.
    func take() -> StreamSeat? {
        taken.withLock { taken in
            guard taken < limit else { return nil }
            taken += 1
            open.set(taken)
            return StreamSeat(of: self)
        }
    }

    fileprivate func giveBack() {
        taken.withLock { taken in
            taken -= 1
            open.set(taken)
        }
    }

    func countDropped() { dropped.increment() }
}

/// One stream's right to be there, given back when nobody holds it any more: also where its answer never began.
final class StreamSeat: Sendable {
    private let seats: StreamSeats

    fileprivate init(of seats: StreamSeats) {
        self.seats = seats
    }

    deinit { seats.giveBack() }
}
