package import Telemetry

/// What a node offers to whoever speaks to it from outside; `HTTPAPI` is written against this alone.
package protocol NodeService: ModelService {
    /// Appends to the ingest log and returns when the batch is synced to this node's disk.
    func accept(_ batch: ReadingBatch) async throws(AcceptError)

    /// The same without a task that waits: `answer` is called once, from anywhere, with the reason if it was refused.
    func offer(_ batch: ReadingBatch, answer: @escaping @Sendable (AcceptError?) -> Void)

    /// Why a batch would be refused now, as far as is known at once; nil if it may be taken. Who is refused by it is spared
    /// the reading of his request, and the node the work.
    /// - Parameter waited: how long it may have waited already before anybody looked at it, in microseconds.
    func refusal(waited: Int64) -> AcceptError?

    /// Readings refused before they reached the log; the ledger shows them.
    func countRejected(_ readings: Int)

    /// The strictly increasing clock of receipts; a reading without a time gets its own.
    func receiptTime() -> Instant

    /// The whole fleet's latest readings, by device id as bytes.
    func latest(_ query: LatestQuery) async -> LatestAnswer

    func history(
        of series: Series, from: Instant, to: Instant, after: HistoryPoint?, limit: Int
    ) async throws(StoreError) -> [HistoryPoint]

    /// See `ReadingStore.outline`.
    func outline(
        of series: Series, from: Instant, to: Instant, points: Int
    ) async throws(StoreError) -> [HistoryPoint]?

    /// Episodes that touch the range, newest first.
    func anomalies(_ query: AnomalyQuery) async throws(StoreError) -> [AnomalyEpisode]

    func devices(after: DeviceID?, limit: Int) async throws(StoreError) -> [DeviceRow]
    func device(_ device: DeviceID) async throws(StoreError) -> DeviceRow?

    /// - Returns: false if nobody knows the device.
    func delete(_ device: DeviceID) async throws(StoreError) -> Bool

    /// Undoes hiding: the device is in `latest` and counts as active, as if it were heard now.
    /// - Returns: false if there is no such device.
    func restore(_ device: DeviceID) async throws(StoreError) -> Bool

    /// What the pruner and people decided, newest first.
    func audit(limit: Int) async throws(StoreError) -> [AuditRow]

    /// What the pruner waits with, if it does, and what it would do of each kind, at most `limit` devices.
    func prunePlan(limit: Int) async throws(StoreError) -> PrunePlan

    /// Lets the pruner do what it waits with, from its next run on.
    /// - Parameter reason: as whoever approves was told it; nil is whatever it is now.
    /// - Returns: what it waits with; nil if with nothing. Nothing was approved if its reason is another than `reason`.
    func approvePruning(_ reason: String?) async throws(StoreError) -> Waiting?

    /// What begins on these series is told to nobody from now on, for so many microseconds, or until it is lifted. A mute of
    /// the same scope is replaced.
    /// - Returns: nil if there are too many mutes.
    func mute(_ scope: Mute.Scope, for length: Int64?, reason: String) async throws(StoreError) -> Mute?

    /// - Returns: false if there is no such mute.
    func unmute(_ scope: Mute.Scope) async throws(StoreError) -> Bool

    /// Those in force: with an end, by it, then the others.
    func mutes() async throws(StoreError) -> [Mute]

    func cluster() async -> ClusterView

    func vitals() async -> NodeVitals

    /// The ledgers of all live nodes as one, asked for now.
    func ledgerOfFlock() async -> FlockLedger

    /// From now on every batch of the flock's live feed goes to `sink`, until its `take` says no.
    ///
    /// The node makes a batch about four times a second as long as anyone listens, of what changed at every owner
    /// since the batch before; an owner that does not answer holds up none. What changed before the call is not told:
    /// who wants both, subscribes first and asks `latest` then.
    func subscribe(_ sink: any LiveSink)

    /// Why the node is not ready; nil when it is. Never depends on the store or Redis.
    var unreadiness: String? { get }
}

/// Why a batch was not accepted. Nothing of it is on disk then, or what is will never be answered for.
package enum AcceptError: Error, Hashable, Sendable {
    /// The log holds as much as it may; the store is behind.
    case logFull(retryAfterSeconds: Int)
    case draining
    /// The disk failed; the node must be looked after.
    case logFailed(String)
}

/// Neighbouring anomalies of one series, told as one event.
package struct AnomalyEpisode: Hashable, Sendable {
    package enum Kind: String, Sendable { case anomaly, silence, fleet }

    package let id: String
    package let kind: Kind
    package let series: Series
    package let start: Instant
    package let peak: Instant
    /// Nil while it lasts.
    package let end: Instant?
    package let score: Double
    package let value: Double
    package let reason: String
    package let model: ModelID

    package init(
        id: String, kind: Kind, series: Series, start: Instant, peak: Instant, end: Instant?, score: Double,
        value: Double, reason: String, model: ModelID
    ) {
        self.id = id
        self.kind = kind
        self.series = series
        self.start = start
        self.peak = peak
        self.end = end
        self.score = score
        self.value = value
        self.reason = reason
        self.model = model
    }
}

/// `GET /cluster` as values; field names and meanings are the contract's.
package struct ClusterView: Hashable, Sendable {
    package struct Member: Hashable, Sendable {
        package enum Status: String, Sendable { case alive, suspect, dead, left }

        package let name: String
        package let address: String
        package let http: String
        package let status: Status
        package let incarnation: UInt64
        package let ringShare: Double
        package let devices: Int
        package let version: String
        package let since: Instant

        package init(
            name: String, address: String, http: String, status: Status, incarnation: UInt64, ringShare: Double,
            devices: Int, version: String, since: Instant
        ) {
            self.name = name
            self.address = address
            self.http = http
            self.status = status
            self.incarnation = incarnation
            self.ringShare = ringShare
            self.devices = devices
            self.version = version
            self.since = since
        }
    }

    package struct Pruner: Hashable, Sendable {
        package let leader: String?
        package let fencingToken: UInt64?
        package let lastRun: Instant?
        package let lastResult: String?

        package init(leader: String?, fencingToken: UInt64?, lastRun: Instant?, lastResult: String?) {
            self.leader = leader
            self.fencingToken = fencingToken
            self.lastRun = lastRun
            self.lastResult = lastResult
        }
    }

    package let node: String
    package let members: [Member]
    package let ring: RingView
    package let pruner: Pruner
    package let store: StoreKind
    package let isStoreReachable: Bool
    package let ledger: Ledger

    package init(
        node: String, members: [Member], ring: RingView, pruner: Pruner, store: StoreKind, isStoreReachable: Bool,
        ledger: Ledger
    ) {
        self.node = node
        self.members = members
        self.ring = ring
        self.pruner = pruner
        self.store = store
        self.isStoreReachable = isStoreReachable
        self.ledger = ledger
    }
}

/// accepted = stored + pending + duplicates + discarded + damaged, at any moment.
package struct Ledger: Hashable, Sendable {
    package var accepted: UInt64 = 0
    package var stored: UInt64 = 0
    package var pending: UInt64 = 0
    package var duplicates: UInt64 = 0
    package var discarded: UInt64 = 0
    package var damaged: UInt64 = 0
    /// Readings in logs without a live node.
    package var orphaned: UInt64 = 0
    package var rejected: UInt64 = 0

    package init() {}

    /// The books of two nodes as one. `orphaned` is no node's own: all read it from the one store, some a bit later.
    package static func + (lhs: Ledger, rhs: Ledger) -> Ledger {
        var sum = lhs
        sum.accepted &+= rhs.accepted
        sum.stored &+= rhs.stored
        sum.pending &+= rhs.pending
        sum.duplicates &+= rhs.duplicates
        sum.discarded &+= rhs.discarded
        sum.damaged &+= rhs.damaged
        sum.rejected &+= rhs.rejected
        sum.orphaned = max(lhs.orphaned, rhs.orphaned)
        return sum
    }
}

/// `GET /cluster?scope=all`: the sum over the live nodes, and which of them it lacks.
package struct FlockLedger: Hashable, Sendable {
    package let sum: Ledger
    /// Live members that did not answer: their readings are not in the sum.
    package let missing: [String]

    package init(sum: Ledger, missing: [String]) {
        self.sum = sum
        self.missing = missing
    }
}
