/// Seconds by the monotonic clock.
enum Stopwatch {
    static func seconds(_ body: () throws -> Void) rethrows -> Double {
        let start = ContinuousClock.now
        try body()
        return seconds(since: start)
    }

    static func seconds(since start: ContinuousClock.Instant) -> Double {
        let (seconds, attoseconds) = (ContinuousClock.now - start).components
        return Double(seconds) + Double(attoseconds) * 1e-18
    }

    /// Seconds of one of `count` repetitions.
    static func secondsEach(_ count: Int, _ body: () throws -> Void) rethrows -> Double {
        try seconds { for _ in 0..<count { try body() } } / Double(count)
    }
}

/// A place for results, so that nothing measured is optimised away: the compiler must not look inside.
@_optimize(none) @inline(never) func keep<Value>(_ value: Value) {
    withExtendedLifetime(value) {}
}
