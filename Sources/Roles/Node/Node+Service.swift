import DataPlane
import Distributed
import HashRing
package import Ports
import Synchronization
package import Telemetry

/// What a node offers to the outside.
extension Node: NodeService {
    /// How long a peer may take to answer, for each page, before the answer goes out without it.
    static let peerPatience = Duration.milliseconds(200)
    /// How often a peer is told what it did not confirm. The store knows it in any case.
    static let tellTriesMax = 5
    /// Pause before the next try: a connection that broke is made again by then.
    static let tellPause = Duration.milliseconds(300)

    package var unreadiness: String? {
        if let failure = ingest.failure { return failure }
        if let failure = flock?.failure.withLock({ $0 }) { return failure }
        return state.withLock { state in
            switch state {
            case .starting(let stage): stage
            case .ready: nil
            case .draining: "draining"
            }
        }
    }

    package func accept(_ batch: ReadingBatch) async throws(AcceptError) {
        try await ingest.accept(batch)
    }

    package func offer(_ batch: ReadingBatch, answer: @escaping @Sendable (AcceptError?) -> Void) {
        ingest.offer(batch, answer: answer)
    }

    package func refusal(waited: Int64) -> AcceptError? { ingest.refusal(waited: waited) }

    package func countRejected(_ readings: Int) { rejected.add(readings) }

    package func receiptTime() -> Instant { receipts.next() }

    package func history(
        of series: Series, from: Instant, to: Instant, after: HistoryPoint?, limit: Int
    ) async throws(StoreError) -> [HistoryPoint] {
        try await store.history(of: series, from: from, to: to, after: after, limit: limit)
    }

    package func outline(
        of series: Series, from: Instant, to: Instant, points: Int
    ) async throws(StoreError) -> [HistoryPoint]? {
        try await store.outline(of: series, from: from, to: to, points: points)
    }

    package func anomalies(_ query: AnomalyQuery) async throws(StoreError) -> [AnomalyEpisode] {
        var rows = query
        rows.limit = min(
            query.limit.multipliedReportingOverflow(by: Self.anomalyRowsPerEpisode).partialValue, Self.anomalyRowsMax)
        let episodes = AnomalyEpisode.episodes(of: try await store.anomalies(rows))
        let silences = try await store.silences(query)
        let incidents = try await store.incidents(query).map(\.episode)
        return AnomalyEpisode.newest(of: episodes + incidents, silences, limit: query.limit, at: clock.instant)
    }

    package func devices(after: DeviceID?, limit: Int) async throws(StoreError) -> [DeviceRow] {
        try await store.devices(after: after, limit: limit)
    }

    package func device(_ device: DeviceID) async throws(StoreError) -> DeviceRow? {
        try await store.device(device)
    }

    /// From the store, then from every owner's memory: while a slot moves more than one may know the device.
    package func delete(_ device: DeviceID) async throws(StoreError) -> Bool {
        let isKnown = await isKnown(device)
        guard let time = try await store.delete(device, isKnown: isKnown) else { return false }
        await forget([Tombstone(device: device, time: time)])
        // Owners first: what the device goes on sending is its new life from then on.
        await store.sweep(for: Self.sweepOnDelete)
        return true
    }

    /// Those that do not confirm are told again, a few times.
    func tellPeers(_ tell: @escaping @Sendable (Owner) async throws -> Void) async {
        let peers = peers
        var untold = peers.owners
        for attempt in 0..<Self.tellTriesMax where !untold.isEmpty {
            if attempt > 0 { guard (try? await Task.sleep(for: Self.tellPause)) != nil else { return } }
            untold = await peers.ask(untold, within: Self.peerPatience, tell).missing
        }
    }

    private func isKnown(_ device: DeviceID) async -> Bool {
        if let own = try? await scoring.knows(device), own.isTrue { return true }
        let peers = peers
        let answers = await peers.ask(peers.owners, within: Self.peerPatience) { owner in
            try await peers.scoring(of: owner).knows(device)
        }
        return answers.given.contains { $0.answer.isTrue }
    }
}
