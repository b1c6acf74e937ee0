import Alerting
import CoreMetrics
import Logging
import Ports
import Telemetry

/// The alerts' role: on one node at a time it finds alerts and tells whoever wants to know.
///
/// It drives `AlertCore`: every wait is a child of `run`'s task group, which reports back with another event. Who sends
/// follows from the ring, so that alerts need no lease (docs/decisions/0019).
actor Alerts {
    /// What it needs of its node.
    struct Surroundings: Sendable {
        var store: any Store
        var clock: NodeClock
        /// The ring says that this node sends.
        var isSender: @Sendable () -> Bool
        var activeDevices: @Sendable () async -> Int
        var subscribe: @Sendable (any LiveSink) -> Void
    }

    private enum Order: Sendable {
        case look(AlertLook.Request)
        case record(UInt64, AlertChange)
        case post(AlertDelivery)
    }

    /// How often the core looks at its waits, and at the ring.
    static let tickPeriod = Duration.milliseconds(200)
    /// Batches of episodes that wait for this actor; more are found in the store.
    static let heardMax = 64

    private let node: Surroundings
    private let poster: any AlertPoster
    private let logger: Logger
    private var core: AlertCore
    private let orders: AsyncStream<Order>
    private let ordersInput: AsyncStream<Order>.Continuation
    private let heard: AsyncStream<[AnomalyEpisode]>
    private let heardInput: AsyncStream<[AnomalyEpisode]>.Continuation
    /// How old a delivery may be that is sent, in microseconds.
    private let deliveriesSent: Int64
    private var listener: AlertListener?
    /// Targets whose last request failed; told once.
    private var failing: Set<String> = []
    private var isStoreStuck = false
    /// Of the flock, when it was asked last.
    private var activeDevices = 0
    private var countedAt: Moment?

    init(settings: AlertSettings, poster: any AlertPoster, node: Surroundings, seed: UInt64, logger: Logger) {
        self.node = node
        self.poster = poster
        self.logger = logger
        core = AlertCore(settings: settings, seed: seed)
        deliveriesSent = settings.limits.givenUpAfter
        // One look, one record and a few posts are under way at a time: the core sees to it.
        (orders, ordersInput) = AsyncStream.makeStream()
        (heard, heardInput) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(Self.heardMax))
    }

    /// Runs until it is cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.tickAlways() }
            group.addTask { await self.listen() }
            for await order in orders {
                group.addTask { await self.perform(order) }
            }
            group.cancelAll()
        }
        listener?.stop()
    }

    private func tickAlways() async {
        while (try? await Task.sleep(for: Self.tickPeriod)) != nil {
            follow(isSender: node.isSender())
            step(.tick)
        }
    }

    private func listen() async {
        for await episodes in heard { step(.heard(episodes)) }
    }

    /// The feed is asked for only where somebody is told: it costs every owner something.
    private func follow(isSender: Bool) {
        guard isSender != core.isSender else { return }
        step(.sending(isSender))
        AlertMetrics.sends.set(isSender ? 1 : 0)
        logger.info(isSender ? "this node sends alerts" : "this node sends alerts no more")
        listener?.stop()
        listener = nil
        guard isSender, !poster.targets.isEmpty else { return }
        let listener = AlertListener(heardInput)
        self.listener = listener
        node.subscribe(listener)
    }

    // MARK: Driving the core

    private func step(_ event: AlertCore.Event) {
        for effect in core.handle(event, now: node.clock.moment, at: node.clock.instant) {
            switch effect {
            case .look(let request): ordersInput.yield(.look(request))
            case .record(let number, let change): ordersInput.yield(.record(number, change))
            case .post(let delivery): ordersInput.yield(.post(delivery))
            case .note(let note): tell(note)
            }
        }
        AlertMetrics.pending.set(core.pendingCount)
    }

    private func perform(_ order: Order) async {
        switch order {
        case .look(let request):
            let (read, failure) = await look(request)
            note(failure)
            if request.isFull { await countDevices() }
            if var read {
                read.activeDevices = activeDevices
                step(.looked(read))
            } else {
                step(.lookFailed(activeDevices: activeDevices))
            }
        case .record(let number, let change):
            do throws(StoreError) {
                let fresh = try await node.store.record(change)
                note(nil)
                step(.recorded(number, fresh: fresh))
            } catch {
                note(error)
                step(.recordFailed(number))
            }
        case .post(let delivery):
            let answer = await poster.post(delivery, at: node.clock.instant)
            step(.posted(delivery.key, answer))
        }
    }

    /// Not with every look that fails: it asks all of the flock.
    private func countDevices() async {
        let now = node.clock.moment
        if let countedAt, now < countedAt.advanced(byMicroseconds: core.limits.lookEvery) { return }
        countedAt = now
        activeDevices = await node.activeDevices()
    }

    private nonisolated func look(_ request: AlertLook.Request) async -> (AlertLook?, StoreError?) {
        var look = AlertLook(request)
        let store = node.store
        do throws(StoreError) {
            look.mutes = try await store.mutes()
            guard request.isFull else { return (look, nil) }
            let rows = AlertLook.Request.rowsMax
            look.alerts = try await store.alerts(endedSince: request.from, limit: rows)
            // What was left to others, or is too old to be sent, must not hide the rest.
            look.deliveries = try await store.pendingDeliveries(
                to: poster.targets.map(\.id), after: node.clock.instant.advanced(byMicroseconds: -deliveriesSent),
                limit: rows)
            let query = AnomalyQuery(from: request.from, to: request.to, limit: rows)
            let anomalies = try await anomalies(query)
            look.episodes = try await anomalies.episodes + silences(query).episodes
            look.cutAt = anomalies.isPartial ? anomalies.episodes.map(\.start).min() : nil
            for one in request.followed + look.unknownIncidents {
                let answer = try await one.cause == .silence ? silences(one.query) : self.anomalies(one.query)
                look.followed[one.alert] = answer.episodes
                if answer.isPartial { look.partial.insert(one.alert) }
            }
        } catch {
            return (nil, error)
        }
        return (look, nil)
    }

    /// - Returns: `isPartial` where there may be more than the query's limit lets in.
    private nonisolated func anomalies(
        _ query: AnomalyQuery
    ) async throws(StoreError) -> (episodes: [AnomalyEpisode], isPartial: Bool) {
        let rows = try await node.store.anomalies(query)
        return (AnomalyEpisode.episodes(of: rows), rows.count >= query.limit)
    }

    private nonisolated func silences(
        _ query: AnomalyQuery
    ) async throws(StoreError) -> (episodes: [AnomalyEpisode], isPartial: Bool) {
        let now = node.clock.instant
        let rows = try await node.store.silences(query)
        return (rows.map { AnomalyEpisode($0, at: now) }, rows.count >= query.limit)
    }

    // MARK: What is told of it

    private func note(_ failure: StoreError?) {
        // Where nobody is told, nothing waits for it.
        guard (failure != nil) != isStoreStuck, !poster.targets.isEmpty else { return }
        isStoreStuck = failure != nil
        if let failure {
            logger.warning(
                "the store does not answer: alerts go out without being written down first",
                metadata: ["reason": "\(failure)"])
        } else {
            logger.notice("alerts are written down again")
        }
    }

    private func tell(_ note: AlertCore.Note) {
        AlertMetrics.count(note)
        switch note {
        case .told(let alert, let event):
            logger.info(
                "alert", metadata: ["id": "\(alert.id)", "event": "\(event.name)", "reason": "\(alert.episode.reason)"])
        case .muted(let alert): logger.info("muted alert", metadata: ["id": "\(alert.id)"])
        case .grouped: break
        case .delivered(let key):
            if failing.remove(key.target) != nil {
                logger.notice("alerts are delivered again", metadata: ["to": "\(label(of: key))"])
            }
        case .failed(let key, let reason):
            let metadata: Logger.Metadata = [
                "to": "\(label(of: key))", "id": "\(key.deliveryID)", "reason": "\(reason)",
            ]
            if failing.insert(key.target).inserted {
                logger.warning("an alert could not be delivered: it is tried again", metadata: metadata)
            } else {
                logger.debug("an alert could not be delivered: it is tried again", metadata: metadata)
            }
        case .gaveUp(let key, let reason):
            logger.warning(
                "an alert is given up",
                metadata: ["to": "\(label(of: key))", "id": "\(key.deliveryID)", "reason": "\(reason)"])
        }
    }

    private func label(of key: AlertDelivery.Key) -> String {
        poster.targets.first { $0.id == key.target }?.label ?? key.target
    }
}
