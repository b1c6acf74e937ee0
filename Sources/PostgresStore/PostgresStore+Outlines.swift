package import Ports
import Synchronization
package import Telemetry

/// Long charts, and what is made ahead for them.
extension PostgresStore {
    package func outline(
        of series: Series, from: Instant, to: Instant, points: Int
    ) async throws(StoreError) -> [HistoryPoint]? {
        let query = OutlineQuery(series: series, from: from, to: to, points: points)
        return try await use(historian, "outlining history", isRead: true) { link throws(Failure) in
            try query.run(link)
        }
    }

    /// Outlines the series that wait for it, a part at a time, in the background. What fails is made when somebody looks.
    func outlineAhead() {
        guard outlines.withLock({ $0.beginRound() }) else { return }
        Task {
            while let next = outlines.withLock({ $0.next(now: MachineClock.monotonic()) }) {
                guard case .series(let series) = next else {
                    try? await Task.sleep(for: .microseconds(PostgresLimits.outlinedWhenQuiet / 2))
                    continue
                }
                let deadline = MachineClock.monotonic().advanced(byMicroseconds: PostgresLimits.outliningMicroseconds)
                let isLeft = try? await use(upkeep, "outlining old readings") { link throws(Failure) in
                    try OutlineMaker.fill(series, until: deadline, link)
                }
                if isLeft == true { outlines.withLock { $0.putBack(series) } }
            }
        }
    }
}
