import Glibc

/// Waiting for a descriptor.
enum Poll {
    enum Outcome: Hashable {
        case ready
        case late
        /// `errno` of the wait itself.
        case failed(Int32)
    }

    static func wait(_ descriptor: Int32, for events: Int32, until deadline: ContinuousClock.Instant) -> Outcome {
        while true {
            let left = ContinuousClock.now.duration(to: deadline)
            guard left > .zero else { return .late }
            var one = pollfd(fd: descriptor, events: Int16(events), revents: 0)
            let milliseconds = left.components.seconds * 1_000 + left.components.attoseconds / 1_000_000_000_000_000
            // One more than what is left in whole milliseconds, so that the last of them is not spent spinning.
            let count = poll(&one, 1, Int32(clamping: milliseconds + 1))
            if count > 0 { return .ready }
            guard count == 0 || errno == EINTR else { return .failed(errno) }
        }
    }
}
