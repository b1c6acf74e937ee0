package import Ports
import Synchronization
package import Telemetry

/// Long charts, and what is made ahead for them.
extension PostgresStore {
    package func outline(
        of series: Series, from: Instant, to: Instant, points: Int
    ) async throws(StoreError) -> [HistoryPoint]? {
        let query = OutlineQuery(series: series, from: from, to: to, points: points)
        let plan = try await use(historian, "planning a chart", isRead: true) { link throws(Failure) in
            try query.plan(link)
        }
        guard let plan else { return nil }
        var rows = plan.known
        for gap in plan.gaps {
            // Each for itself, so that other charts have their turn, and a client that went away costs no more.
            guard !Task.isCancelled else { throw StoreError(.unavailable, "nobody waits for this chart any more") }
            guard let made = try await made(gap, of: plan.id) else { return nil }
            rows += made
        }
        let all = rows
        return try await use(historian, "reading a chart", isRead: true) { link throws(Failure) in
            try query.points(of: plan, all, link)
        }
    }

    /// - Returns: nil if that takes the server too long: so many readings are read page by page.
    private func made(_ gap: Range<Int64>, of id: Int64) async throws(StoreError) -> [Outline.Row]? {
        try await use(historian, "outlining history", isRead: true) { link throws(Failure) in
            do throws(Failure) {
                return try OutlineMaker.make(gap, of: id, link)
            } catch {
                guard case .server(let state, _) = error, state.isTooSlow else { throw error }
                return nil
            }
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
