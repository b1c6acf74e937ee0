import NIOCore
import Ports

/// What one stream has to send, between the node that never waits and a reader that may be slow.
///
/// Holds so many batches and no more. One that does not fit means that the reader takes less than the fleet says: its
/// connection is closed, which also ends a write that hangs on it. It comes back with `Last-Event-ID`.
final class StreamFeed: LiveSink {
    enum Input: Sendable {
        case batch(LiveBatch)
        case heartbeat
    }

    let inputs: AsyncStream<Input>
    private let continuation: AsyncStream<Input>.Continuation
    private let seats: StreamSeats
    private let channel: any Channel

    init(seats: StreamSeats, channel: any Channel) {
        self.seats = seats
        self.channel = channel
        (inputs, continuation) = AsyncStream.makeStream(
            bufferingPolicy: .bufferingOldest(HTTPLimits.streamBatchesMax))
        channel.closeFuture.whenComplete { [continuation] _ in continuation.finish() }
    }

    func take(_ batch: LiveBatch) -> Bool {
        switch continuation.yield(.batch(batch)) {
        case .enqueued: return true
        case .terminated: return false
        case .dropped: break
        @unknown default: break
        }
        continuation.finish()
        seats.countDropped()
        channel.close(promise: nil)
        return false
    }

    /// Where it does not fit there is enough to send anyway.
    func beat() {
        continuation.yield(.heartbeat)
    }

    /// What is held already is still sent. A reader that does not take it in time is cut off.
    func end() {
        continuation.finish()
        let channel = channel
        channel.eventLoop.scheduleTask(in: .seconds(HTTPLimits.streamEndSecondsMax)) { channel.close(promise: nil) }
    }
}
