package import Ports
import Telemetry

/// One leader's work: a run a period, from the tick to the last deletion.
///
/// What it does not know it does not count: a run in which anybody is away, behind or silent on the way writes no tick, and
/// what a tick does not cover is no silence. Every act carries the token and is refused by the store once a newer one was
/// minted; between two acts the lease is asked again.
///
/// The order within a run is what keeps a device alive that speaks up in the middle of it:
///
/// 1. The store's time is taken, then every member is asked how old its backlog is. So whatever reached a node before that
///    time, less the oldest backlog, is judged and stored: the tick's `through`.
/// 2. Devices that may have to go are read, with the number of readings that are stored of each.
/// 3. Every member tells the store whom it heard. A device that was heard before `through` is known to be by now.
/// 4. The tick is written; who is silent is hidden.
/// 5. Of the devices of step 2 those go of which nothing was heard or stored since, unless more than half of the fleet is
///    late: that may be a cut line that is not a silence yet in a fleet that reports seldom. What is still on its way is younger
///    than the tombstone and begins the device anew.
package struct Pruner: Sendable {
    private let rules: PruneRules
    private let store: any PruneStore
    private let flock: any PrunedFlock
    private let token: FencingToken
    private let mayAct: @Sendable () async -> Bool
    /// Who was there at the last tick of this leader, if it did not wait since.
    private var lives: Set<String>?
    /// The total from which on this leader has watched without a break.
    private var unbrokenSince: Int64 = .max
    /// The first run of this leader.
    private var began: Instant?
    /// Where the next run goes on to drop readings.
    private var dropCursor: RetentionCursor?

    /// Devices deleted in one transaction: writers wait for it.
    package static let deletedAtOnceMax = 50
    /// Devices hidden in one transaction.
    package static let hiddenAtOnceMax = 1_000
    /// Devices deleted, and hidden, in one run; the next goes on.
    package static let deletedMax = 1_000
    package static let hiddenMax = 100_000

    /// - Parameters:
    ///   - token: as minted for this leader's election.
    ///   - mayAct: whether the lease still holds; asked right before each act.
    package init(
        _ rules: PruneRules, _ store: any PruneStore, _ flock: any PrunedFlock, _ token: FencingToken,
        mayAct: @escaping @Sendable () async -> Bool
    ) {
        self.rules = rules
        self.store = store
        self.flock = flock
        self.token = token
        self.mayAct = mayAct
    }

    package enum Outcome: Hashable, Sendable {
        /// The next run is due in so many microseconds.
        case early(Int64)
        case waited(Waiting)
        case done(PruneCounts)
        /// The lease ended in between.
        case stopped
    }

    /// One run, if one is due.
    /// - Throws: `.fenced` when another leader was elected since: nothing more may be tried with this token.
    package mutating func run() async throws(StoreError) -> Outcome {
        guard await mayAct() else { return .stopped }
        let start: RunStart
        switch try await store.beginRun(token, every: rules.period) {
        case .early(let wait): return .early(wait)
        case .begun(let begun): start = begun
        }
        let began = began ?? start.time
        self.began = began
        let report = await flock.report()
        let returned = report.returned(of: start.approved)
        if !returned.isEmpty {
            guard await mayAct() else { return .stopped }
            try await store.revoke(returned, token)
        }
        if let waiting = report.obstacle(rules, approved: start.approved) { return try await wait(waiting) }
        let through = start.time.advanced(byMicroseconds: -report.backlog)
        // The backlog grew by more than the time since: there is nothing new to count.
        if let last = start.lastTick, through <= last.through, last.through < start.time {
            return try await finish(PruneCounts())
        }
        let isUnbroken = report.isUnbroken(since: lives)
        let tick = rules.tick(after: start.lastTick, through: through, isUnbroken: isUnbroken)
        guard let tick else { return try await startAnew(from: through) }
        let totals = rules.totals(at: tick)
        // After a break whoever is alive has time to say so.
        let isWatched = isUnbroken && tick.total > start.lastTick?.total ?? .max
        let mayDelete = isWatched && tick.total - unbrokenSince >= rules.rewatch
        let doomed = mayDelete ? try await doomed(totals) : []
        let unsettled = await flock.settle(report)
        guard unsettled.isEmpty else {
            return try await wait(
                Waiting(
                    reason: "\(unsettled.joined(separator: ", ")) cannot tell the store who was heard: "
                        + "silence does not count meanwhile", approval: Approval()))
        }
        let query = try await query(totals, through, start.approved)
        let census = try await store.census(query)
        if let waiting = census.obstacle(query) {
            guard await mayAct() else { return .stopped }
            try await store.takeBackTicks(after: through.advanced(byMicroseconds: -rules.unseenCut), token)
            // Who comes back from an outage is not heard at once: that is nothing for a person.
            let isEarly = start.time.microseconds(since: began) < min(rules.patience, PruneRules.rewatchMax)
            return try await wait(isEarly ? Self.listening : waiting)
        }
        guard await mayAct() else { return .stopped }
        try await store.write(tick, keepingFrom: totals.oldest, token)
        lives = report.lives
        if !isWatched { unbrokenSince = tick.total }
        var counts = PruneCounts()
        counts.held = census.isUnclear ? doomed.count : 0
        let isActed = try await act(totals, census.isUnclear ? [] : doomed, at: start.time, &counts)
        guard isActed else { return .stopped }
        return try await finish(counts)
    }

    /// The store's clock was set back: what was counted in its old time says nothing in the new one.
    private mutating func startAnew(from through: Instant) async throws(StoreError) -> Outcome {
        guard await mayAct() else { return .stopped }
        try await store.takeBackTicks(after: through, token)
        return try await wait(
            Waiting(reason: "the store's clock was set back: silence is counted anew", approval: Approval()))
    }

    private static let listening = Waiting(
        reason: "the flock has just begun to listen, and more than half of the devices are not heard yet",
        approval: Approval())

    // MARK: Looking

    private func doomed(_ totals: PruneRules.Totals) async throws(StoreError) -> [SilentDevice] {
        guard let total = totals.delete, let limit = try await store.tick(atMost: total) else { return [] }
        return try await store.silentDevices(heardThrough: limit.through, limit: Self.deletedMax)
    }

    /// By the store's clock and not by ticks: a fleet that is not heard makes none.
    private func query(
        _ totals: PruneRules.Totals, _ through: Instant, _ approved: Approval?
    ) async throws(StoreError) -> CensusQuery {
        let old = try await store.tick(atMost: totals.old)?.through ?? .distantPast
        // Of a clock that was set back since: nobody can have meant it.
        let known = approved?.heardThrough.flatMap { $0 <= through ? $0 : nil }
        return CensusQuery(through: through, crowdAfter: rules.crowdAfter, old: old, approved: known)
    }

    // MARK: Acting

    /// - Returns: false if the lease ended in between.
    private mutating func act(
        _ totals: PruneRules.Totals, _ doomed: [SilentDevice], at now: Instant, _ counts: inout PruneCounts
    ) async throws(StoreError) -> Bool {
        if let limit = try await store.tick(atMost: totals.hide) {
            let reason = "not heard for \(SpanText(microseconds: rules.inactiveAfter)) while the flock listened"
            while counts.hidden < Self.hiddenMax {
                guard await mayAct() else { return false }
                let part = try await store.hide(
                    heardThrough: limit.through, limit: Self.hiddenAtOnceMax, reason: reason, token)
                counts.hidden += part.count
                guard part.count == Self.hiddenAtOnceMax else { break }
            }
        }
        let reason = "not heard for \(SpanText(microseconds: rules.deleteAfter ?? 0)) while the flock listened"
        var rest = doomed[...]
        while !rest.isEmpty {
            guard await mayAct() else { return false }
            let part = Array(rest.prefix(Self.deletedAtOnceMax))
            rest = rest.dropFirst(part.count)
            let tombstones = try await store.delete(part, reason: reason, token)
            counts.deleted += tombstones.count
            await flock.forget(tombstones)
        }
        return try await drop(before: now, &counts)
    }

    private mutating func drop(before now: Instant, _ counts: inout PruneCounts) async throws(StoreError) -> Bool {
        guard let retention = rules.retention else { return true }
        let limit = now.advanced(byMicroseconds: -retention)
        for _ in 0..<rules.dropsMax {
            guard await mayAct() else { return false }
            let part: RetentionPart
            do throws(StoreError) {
                part = try await store.dropReadings(before: limit, after: dropCursor, token)
            } catch {
                // Old readings that cannot be dropped keep no silent device: the next run tries again, from the start.
                if case .fenced = error.code { throw error }
                counts.dropFailure = error.message
                dropCursor = nil
                return true
            }
            counts.dropped += part.dropped
            dropCursor = part.next
            if dropCursor == nil { break }
        }
        return true
    }

    // MARK: Ends

    /// What was not watched does not count, and neither does what was watched around it.
    private mutating func wait(_ waiting: Waiting) async throws(StoreError) -> Outcome {
        lives = nil
        guard await mayAct() else { return .stopped }
        try await store.endRun("waits: \(waiting.reason)", waiting: waiting, token)
        return .waited(waiting)
    }

    private func finish(_ counts: PruneCounts) async throws(StoreError) -> Outcome {
        guard await mayAct() else { return .stopped }
        try await store.endRun(counts.description, waiting: nil, token)
        return .done(counts)
    }
}

/// The flock as the pruner needs it.
package protocol PrunedFlock: Sendable {
    /// Asks every member how it is.
    func report() async -> FleetReport
    /// Has every member of the report tell the store whom it heard before the call.
    /// - Returns: names of those that could not.
    /// - Parameter report: who is to be asked.
    func settle(_ report: FleetReport) async -> [String]
    /// The devices were deleted from the store: whoever knows them forgets them.
    func forget(_ tombstones: [Tombstone]) async
}

package struct PruneCounts: Hashable, Sendable, CustomStringConvertible {
    package var hidden = 0
    package var deleted = 0
    /// Silent for long enough, and kept while more than half of the fleet may be cut off.
    package var held = 0
    /// Readings, or chunks of them.
    package var dropped = 0
    /// Why old readings could not be dropped.
    package var dropFailure: String?

    package init() {}

    package var description: String {
        var parts: [String] = []
        if hidden > 0 { parts.append("hid \(hidden)") }
        if deleted > 0 { parts.append("deleted \(deleted)") }
        if dropped > 0 { parts.append("dropped \(dropped)") }
        if let dropFailure { parts.append("old readings are kept, since they could not be dropped: \(dropFailure)") }
        if held > 0 { parts.append("kept \(held) back, since more than half of the devices are late") }
        return parts.isEmpty ? "nothing to do" : parts.joined(separator: ", ")
    }
}
