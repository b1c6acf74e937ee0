import Alerting
import Ports
import Telemetry

/// Senders that crash and take turns, a store that goes away and loses answers, a receiver that fails in every way, on a
/// virtual clock. The checks look from outside: at what happened to devices and at what the receiver got.
struct AlertWorld {
    /// What truly happened to a device; in the store from `seen` on, its end from `endSeen` on.
    struct Truth {
        let episode: AnomalyEpisode
        let seen: Instant
        let endSeen: Instant
    }

    private struct Node {
        var core: AlertCore?
        /// Of this life: answers to a former one mean nothing.
        var life = 0
        /// Where the live feed of this node begins.
        var listensFrom = Instant.epoch
    }

    private enum Action {
        case event(AlertCore.Event, node: Int, life: Int)
        case look(AlertLook.Request, node: Int, life: Int)
        case record(UInt64, AlertChange, node: Int, life: Int)
        case post(AlertDelivery, node: Int, life: Int)
    }

    private var random: SeededGenerator
    private var now = Moment(microseconds: 0)
    private var time = AlertBench().time
    private var nodes = [Node(), Node()]
    private var actions: [(due: Moment, action: Action)] = []
    private(set) var truths: [Truth] = []
    private(set) var received: [(id: String, body: [UInt8])] = []
    private(set) var mostPending = 0
    private var isStoreAway = false
    private var isCalm = false
    private var alerts: [String: Alert] = [:]
    private var deliveries: [AlertDelivery.Key: AlertDelivery] = [:]

    static let tick: Int64 = 250_000
    static let devices = 12

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
    }

    /// Disasters for `minutes`, then peace until everything must be through.
    mutating func run(minutes: Int, isCalm: Bool = false) {
        self.isCalm = isCalm
        makeTruths(minutes: minutes)
        start(0)
        while time < AlertBench().time.advanced(byMicroseconds: Int64(minutes) * 60_000_000) { step() }
        self.isCalm = true
        isStoreAway = false
        if nodes[0].core == nil { start(0) }
        give(.sending(true), to: 0)
        give(.sending(false), to: 1)
        let end = time.advanced(byMicroseconds: 7_200_000_000)
        while time < end { step() }
    }

    private mutating func makeTruths(minutes: Int) {
        for device in 0..<Self.devices {
            var start = 5 + random.drawUnit() * 120
            while start < Double(minutes) * 60 - 120 {
                let end = start + 0.3 + random.drawUnit() * random.drawUnit() * 300
                let kind: AnomalyEpisode.Kind = random.draw(below: 4) == 0 ? .silence : .anomaly
                // A metric a device: what is grouped is checked elsewhere.
                let episode = AlertBench.episode("d\(device)", start, end, metric: "m\(device)", kind: kind)
                let lag = Int64(random.draw(below: 20_000_000))
                truths.append(
                    Truth(
                        episode: episode, seen: episode.start.advanced(byMicroseconds: lag),
                        endSeen: (episode.end ?? episode.start).advanced(byMicroseconds: lag)))
                start = end + 5 + random.drawUnit() * 200
            }
        }
        truths.sort { $0.episode.start < $1.episode.start }
    }

    // MARK: Time

    private mutating func step() {
        let before = time
        now = now.advanced(byMicroseconds: Self.tick)
        time = time.advanced(byMicroseconds: Self.tick)
        if !isCalm { haveDisasters() }
        tellLive(after: before)
        let due = actions.filter { $0.due <= now }.map(\.action)
        actions.removeAll { $0.due <= now }
        for action in due { perform(action) }
        for index in nodes.indices {
            give(.tick, to: index)
            mostPending = max(mostPending, nodes[index].core?.pendingCount ?? 0)
        }
    }

    private mutating func haveDisasters() {
        if random.draw(below: 240) == 0 { isStoreAway.toggle() }
        if isStoreAway, random.draw(below: 80) == 0 { isStoreAway = false }
        let index = random.draw(below: 2)
        switch random.draw(below: 400) {
        case 0: nodes[index].core = nil
        case 1...8 where nodes[index].core == nil: start(index)
        // The ring moves, or two rings disagree for a while.
        case 9, 10: give(.sending(true), to: index)
        case 11: give(.sending(false), to: index)
        default: break
        }
    }

    private mutating func start(_ index: Int) {
        let settings = AlertSettings(targets: [AlertBench.target], flock: "f", node: "n\(index)")
        nodes[index].life += 1
        nodes[index].core = AlertCore(settings: settings, seed: random.next())
        nodes[index].listensFrom = time
        give(.sending(true), to: index)
    }

    /// The feed tells of turns; a listener that came in the middle calls an episode after the first reading that it heard.
    private mutating func tellLive(after before: Instant) {
        for index in nodes.indices where nodes[index].core != nil {
            guard isCalm || random.draw(below: 10) > 0 else { continue }
            let from = nodes[index].listensFrom
            var heard: [AnomalyEpisode] = []
            for truth in truths where truth.episode.start <= time {
                guard let end = truth.episode.end, end > before.advanced(byMicroseconds: -1_000_000) else { continue }
                let start = max(truth.episode.start, from)
                guard end > from else { continue }
                let isTurn = truth.episode.start > before || (end > before && end <= time)
                guard isTurn || (truth.episode.kind == .anomaly && random.draw(below: 8) == 0) else { continue }
                heard.append(
                    AnomalyEpisode(
                        id: start == truth.episode.start ? truth.episode.id : "\(truth.episode.id)+late",
                        kind: truth.episode.kind, series: truth.episode.series, start: start, peak: start,
                        end: end <= time ? end : nil, score: 0.8, value: 1, reason: "far",
                        model: truth.episode.model))
            }
            if !heard.isEmpty { give(.heard(heard), to: index) }
        }
    }

    private mutating func give(_ event: AlertCore.Event, to index: Int) {
        guard var core = nodes[index].core else { return }
        let effects = core.handle(event, now: now, at: time)
        nodes[index].core = core
        let life = nodes[index].life
        for effect in effects {
            switch effect {
            case .look(let request): later(.look(request, node: index, life: life))
            case .record(let number, let change): later(.record(number, change, node: index, life: life))
            case .post(let delivery): later(.post(delivery, node: index, life: life))
            case .note: break
            }
        }
    }

    private mutating func later(_ action: Action, atMost seconds: Double = 1) {
        let wait = Int64(random.drawUnit() * (isCalm ? 0.3 : seconds) * 1e6)
        actions.append((now.advanced(byMicroseconds: wait), action))
    }

    // MARK: What others do

    private mutating func perform(_ action: Action) {
        switch action {
        case .event(let event, let node, let life): if nodes[node].life == life { give(event, to: node) }
        case .look(let request, let node, let life):
            guard !isStoreAway else { return answer(.lookFailed(activeDevices: Self.devices), node, life) }
            answer(.looked(look(request)), node, life)
        case .record(let number, let change, let node, let life):
            guard !isStoreAway else { return answer(.recordFailed(number), node, life) }
            let fresh = record(change)
            let isLost = !isCalm && random.draw(below: 10) == 0
            answer(isLost ? .recordFailed(number) : .recorded(number, fresh: fresh), node, life)
        case .post(let delivery, let node, let life): post(delivery, node, life)
        }
    }

    private mutating func answer(_ event: AlertCore.Event, _ node: Int, _ life: Int, atMost seconds: Double = 1) {
        later(.event(event, node: node, life: life), atMost: seconds)
    }

    private mutating func post(_ delivery: AlertDelivery, _ node: Int, _ life: Int) {
        let key = delivery.key
        switch isCalm ? 0 : random.draw(below: 8) {
        case 0...2:
            received.append((key.deliveryID, delivery.body))
            answer(.posted(key, .answered(status: 200, retryAfter: nil)), node, life)
        case 3:
            received.append((key.deliveryID, delivery.body))
            answer(.posted(key, .unanswered(reason: "connection closed")), node, life)
        case 4: answer(.posted(key, .unanswered(reason: "no answer in time")), node, life, atMost: 10)
        case 5: answer(.posted(key, .answered(status: 429, retryAfter: 5_000_000)), node, life)
        case 6: answer(.posted(key, .answered(status: 302, retryAfter: nil)), node, life)
        default: answer(.posted(key, .answered(status: 500, retryAfter: nil)), node, life)
        }
    }

    private func look(_ request: AlertLook.Request) -> AlertLook {
        var look = AlertLook(request)
        guard request.isFull else { return look }
        look.activeDevices = Self.devices
        look.alerts = alerts.values.filter { $0.episode.end.map { $0 >= request.from } ?? true }
        look.deliveries = deliveries.values.filter { $0.state == .pending }.sorted { $0.key < $1.key }
        look.episodes = stored(from: request.from, to: request.to)
        for followed in request.followed + look.unknownIncidents {
            let (query, cause) = (followed.query, followed.cause)
            look.followed[followed.alert] = stored(from: query.from, to: query.to).filter {
                $0.kind == cause && $0.series.metric == query.metric
            }
        }
        return look
    }

    /// Of an anomaly only its readings of that time, one a second: what began before is cut off, and has another name.
    private func stored(from: Instant, to: Instant) -> [AnomalyEpisode] {
        stored.filter { $0.start < to && ($0.end ?? .distantFuture) >= from }.compactMap { one in
            guard one.kind == .anomaly, one.start < from else { return one }
            let late = from.microseconds(since: one.start) % 1_000_000
            let start = late == 0 ? from : from.advanced(byMicroseconds: 1_000_000 - late)
            guard start < min(to, one.end ?? .distantFuture) else { return nil }
            return AnomalyEpisode(
                id: "\(one.series.device)/\(one.series.metric)/\(start.microseconds)", kind: one.kind,
                series: one.series, start: start, peak: start, end: one.end, score: one.score, value: one.value,
                reason: one.reason, model: one.model)
        }
    }

    private var stored: [AnomalyEpisode] {
        truths.filter { $0.seen <= time }.map { truth in
            let one = truth.episode
            return AnomalyEpisode(
                id: one.id, kind: one.kind, series: one.series, start: one.start, peak: one.peak,
                end: truth.endSeen <= time ? one.end : nil, score: one.score, value: one.value, reason: one.reason,
                model: one.model)
        }
    }

    /// As `AlertStore` says.
    private mutating func record(_ change: AlertChange) -> Set<AlertDelivery.Key> {
        for alert in change.alerts where alerts[alert.id]?.episode.end == nil { alerts[alert.id] = alert }
        var fresh: Set<AlertDelivery.Key> = []
        for delivery in change.deliveries {
            if let known = deliveries[delivery.key] {
                if known.state == .pending, delivery.attempts > 0 || delivery.state != .pending {
                    deliveries[delivery.key]?.state = delivery.state
                }
            } else if !change.known.contains(delivery.key) {
                deliveries[delivery.key] = delivery
                fresh.insert(delivery.key)
            }
        }
        return fresh
    }

    var pending: [AlertDelivery.Key] {
        deliveries.values.filter { $0.state == .pending }.map(\.key).sorted()
            + nodes.compactMap(\.core).filter { $0.pendingCount > 0 }.map { _ in
                AlertDelivery.Key(alert: "in memory", event: .start, target: "")
            }
    }
}
