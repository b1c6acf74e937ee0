import Dispatch
import Ports
import Synchronization
import Telemetry

/// A node made of values: it keeps what it was given and answers what it was told.
final class FakeNode: NodeService {
    struct State: Sendable {
        var batches: [ReadingBatch] = []
        var rejected = 0
        var acceptError: AcceptError?
        /// Known before a body is read.
        var busy: AcceptError?
        /// Offers are answered by `answerAll`.
        var answersLater = false
        var unanswered: [@Sendable (AcceptError?) -> Void] = []
        var devices: [LatestDevice] = []
        var missing: [String] = []
        var latestQueries: [LatestQuery] = []
        var history: [Series: [HistoryPoint]] = [:]
        var historyCalls = 0
        var outlines: [Series: [HistoryPoint]] = [:]
        /// The call of `history` from which on the store is away.
        var historyFailsFrom = Int.max
        var anomalies: [AnomalyEpisode] = []
        var anomalyQueries: [AnomalyQuery] = []
        var rows: [DeviceRow] = []
        var deleted: [DeviceID] = []
        var restored: [DeviceID] = []
        var audit: [AuditRow] = []
        var plan = PrunePlan(job: nil, inactiveAfter: 60_000_000, deleteAfter: nil, hide: [], delete: [])
        var waiting: Waiting?
        var mutes: [Mute] = []
        var mutesMax = 100
        var storeError: StoreError?
        var models: [ModelRow] = []
        var documents: [[UInt8]] = []
        var roles: [String] = []
        var refusal: ModelRefusal?
        var unreadiness: String?
        var ledger = Ledger()
        var ledgerOfFlock: Ledger?
        var members = [
            ClusterView.Member(
                name: "n0", address: "127.0.0.1:7946", http: "127.0.0.1:8080", status: .alive, incarnation: 7,
                ringShare: 1, devices: 0, version: "0.1.0", since: FakeNode.start)
        ]
        var ring = RingView(
            slots: 4_096, digest: "abc", members: ["n0", "n1", "n2"], owners: (0..<4_096).map { $0 * 7 % 3 })
        var vitals = NodeVitals(
            logBytes: 0, logLimitBytes: 1 << 30, pendingFor: 0, refusedDatagrams: ["replay": 0, "wrong_key": 0])
        var pruner = ClusterView.Pruner(leader: nil, fencingToken: nil, lastRun: nil, lastResult: nil)
        var sinks: [any LiveSink] = []
        var clock: Int64 = FakeNode.start.microseconds
    }

    /// 2026-11-22T15:04:05Z
    static let start = Instant(microseconds: 1_795_359_845_000_000)

    private let state = Mutex(State())
    private let offers = DispatchSemaphore(value: 0)
    private let subscriptions = DispatchSemaphore(value: 0)

    func change(_ change: (inout State) -> Void) {
        state.withLock { change(&$0) }
    }

    var now: State { state.withLock { $0 } }

    func accept(_ batch: ReadingBatch) async throws(AcceptError) {
        let error = state.withLock { state -> AcceptError? in
            if state.acceptError == nil { state.batches.append(batch) }
            return state.acceptError
        }
        offers.signal()
        if let error { throw error }
    }

    func refusal(waited: Int64) -> AcceptError? { now.busy }

    func offer(_ batch: ReadingBatch, answer: @escaping @Sendable (AcceptError?) -> Void) {
        let (isLater, error) = state.withLock { state in
            if state.acceptError == nil { state.batches.append(batch) }
            if state.answersLater { state.unanswered.append(answer) }
            return (state.answersLater, state.acceptError)
        }
        if isLater { offers.signal() } else { answer(error) }
    }

    /// Blocks until so many offers were made, those answered since included; with `answersLater`.
    func waitForOffers(_ count: Int) {
        while now.batches.count < count { offers.wait() }
    }

    func answerAll() {
        let answers = state.withLock { state in
            defer { state.unanswered = [] }
            return state.unanswered
        }
        for answer in answers { answer(nil) }
    }

    func countRejected(_ readings: Int) {
        change { $0.rejected += readings }
    }

    func receiptTime() -> Instant {
        state.withLock { state in
            state.clock += 1
            return Instant(microseconds: state.clock)
        }
    }

    func latest(_ query: LatestQuery) async -> LatestAnswer {
        state.withLock { state in
            state.latestQueries.append(query)
            return LatestAnswer(devices: state.devices, missing: state.missing)
        }
    }

    func history(
        of series: Series, from: Instant, to: Instant, after: HistoryPoint?, limit: Int
    ) async throws(StoreError) -> [HistoryPoint] {
        let answer = state.withLock { state -> Result<[HistoryPoint], StoreError> in
            state.historyCalls += 1
            if let error = state.storeError { return .failure(error) }
            if state.historyCalls >= state.historyFailsFrom { return .failure(StoreError(.unavailable, "away")) }
            guard let points = state.history[series] else {
                return .failure(StoreError(.unknownSeries, "never seen"))
            }
            let wanted = points.lazy.filter { point in
                guard point.time >= from, point.time < to else { return false }
                guard let after else { return true }
                return (point.time.microseconds, point.value) > (after.time.microseconds, after.value)
            }
            return .success(Array(wanted.prefix(limit)))
        }
        return try answer.get()
    }

    func outline(
        of series: Series, from: Instant, to: Instant, points: Int
    ) async throws(StoreError) -> [HistoryPoint]? {
        if let error = now.storeError { throw error }
        return now.outlines[series]
    }

    func anomalies(_ query: AnomalyQuery) async throws(StoreError) -> [AnomalyEpisode] {
        change { $0.anomalyQueries.append(query) }
        if let error = now.storeError { throw error }
        return Array(now.anomalies.prefix(query.limit))
    }

    func devices(after: DeviceID?, limit: Int) async throws(StoreError) -> [DeviceRow] {
        let state = now
        if let error = state.storeError { throw error }
        return Array(state.rows.lazy.filter { row in after.map { row.device > $0 } ?? true }.prefix(limit))
    }

    func device(_ device: DeviceID) async throws(StoreError) -> DeviceRow? {
        if let error = now.storeError { throw error }
        return now.rows.first { $0.device == device }
    }

    func delete(_ device: DeviceID) async throws(StoreError) -> Bool {
        if let error = now.storeError { throw error }
        guard now.rows.contains(where: { $0.device == device }) else { return false }
        change { state in
            state.rows.removeAll { $0.device == device }
            state.deleted.append(device)
        }
        return true
    }

    func ledgerOfFlock() async -> FlockLedger {
        FlockLedger(sum: now.ledgerOfFlock ?? now.ledger, missing: now.missing)
    }

    func subscribe(_ sink: any LiveSink) {
        change { $0.sinks.append(sink) }
        subscriptions.signal()
    }

    /// Blocks until so many streams listen.
    func waitForListeners(_ count: Int) {
        while now.sinks.count < count { subscriptions.wait() }
    }

    /// Gives a batch to all who listen; those that want no more are forgotten.
    func publish(_ readings: [LiveReading], anomalies: [AnomalyEpisode] = [], after seconds: Double = 0.25) {
        let (sinks, batch) = state.withLock { state in
            state.clock += Int64(seconds * 1e6)
            let batch = LiveBatch(
                time: Instant(microseconds: state.clock), readings: readings, anomalies: anomalies)
            return (state.sinks, batch)
        }
        let gone = sinks.filter { !$0.take(batch) }
        change { state in state.sinks.removeAll { sink in gone.contains { $0 === sink } } }
    }

    /// Every series sends the same again, measured a second later, and all who listen are told.
    func tick() {
        let readings = state.withLock { state in
            state.devices = state.devices.map { $0.later(by: 1_000_000) }
            return state.devices.flatMap { device in
                device.metrics.map { LiveReading(device: device.device, metric: $0) }
            }
        }
        publish(readings)
    }

    func cluster() async -> ClusterView {
        ClusterView(
            node: "n0",
            members: now.members,
            ring: now.ring,
            pruner: now.pruner,
            store: StoreKind(name: "sqlite", timescale: .none), isStoreReachable: now.storeError == nil,
            ledger: now.ledger)
    }

    func vitals() async -> NodeVitals { now.vitals }

    var unreadiness: String? { now.unreadiness }
}

extension DeviceRow {
    init(_ name: String, readings: UInt64 = 1, isHidden: Bool = false) {
        self.init(
            device: DeviceID(unchecked: name), metrics: [Metric(unchecked: "temperature")], firstSeen: FakeNode.start,
            lastHeard: FakeNode.start, isHidden: isHidden, readings: readings)
    }
}

extension LatestDevice {
    init(_ name: String, _ metrics: [LatestMetric], isSilent: Bool = false, time: Instant = FakeNode.start) {
        self.init(device: DeviceID(unchecked: name), time: time, isSilent: isSilent, metrics: metrics)
    }
}

extension LatestDevice {
    func later(by microseconds: Int64) -> LatestDevice {
        LatestDevice(
            device: device, time: time.advanced(byMicroseconds: microseconds), isSilent: isSilent,
            metrics: metrics.map { metric in
                LatestMetric(
                    metric: metric.metric, value: metric.value, verdict: metric.verdict,
                    time: metric.time.advanced(byMicroseconds: microseconds), isSilent: metric.isSilent,
                    expected: metric.expected)
            })
    }
}

extension LatestMetric {
    init(
        _ name: String, _ value: Double, _ result: ScoreResult = .normal, score: Double = 0.25,
        isSilent: Bool = false, time: Instant = FakeNode.start, expected: ClosedRange<Double>? = nil
    ) {
        let isScored = result == .normal || result == .anomaly
        self.init(
            metric: Metric(unchecked: name), value: value,
            verdict: Verdict(
                result: result, score: isScored ? score : 0,
                model: isScored ? ModelID(name: "forest", version: 3) : .none, isLate: false),
            time: time, isSilent: isSilent, expected: expected)
    }
}
