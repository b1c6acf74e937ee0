import Alerting
import Ports
import Telemetry

/// A core that is driven by hand: every effect is kept until a test answers it.
struct AlertBench {
    var core: AlertCore
    var now = Moment(microseconds: 0)
    var time = Instant(rfc3339: "2026-11-22T15:00:00Z") ?? .epoch
    var looks: [AlertLook.Request] = []
    var records: [(number: UInt64, change: AlertChange)] = []
    var posts: [AlertDelivery] = []
    var notes: [AlertCore.Note] = []

    static let target = AlertTarget(id: "t", label: "http://127.0.0.1")

    init(_ settings: AlertSettings = AlertSettings(targets: [target], flock: "f", node: "n0"), seed: UInt64 = 1) {
        core = AlertCore(settings: settings, seed: seed)
    }

    /// One that sends and has seen an empty store.
    static func sender(
        _ change: (inout AlertSettings) -> Void = { _ in }, activeDevices: Int = 0
    ) -> AlertBench {
        var settings = AlertSettings(targets: [target], flock: "f", node: "n0")
        change(&settings)
        var bench = AlertBench(settings)
        bench.give(.sending(true))
        bench.answerLook { $0.activeDevices = activeDevices }
        return bench
    }

    mutating func give(_ event: AlertCore.Event) {
        for effect in core.handle(event, now: now, at: time) {
            switch effect {
            case .look(let request): looks.append(request)
            case .record(let number, let change): records.append((number, change))
            case .post(let delivery): posts.append(delivery)
            case .note(let note): notes.append(note)
            }
        }
    }

    mutating func wait(_ seconds: Double) {
        now = now.advanced(byMicroseconds: Int64(seconds * 1e6))
        time = time.advanced(byMicroseconds: Int64(seconds * 1e6))
        give(.tick)
    }

    mutating func answerLook(_ fill: (inout AlertLook) -> Void = { _ in }) {
        guard let request = looks.popLast() else { return }
        looks = []
        var look = AlertLook(request)
        fill(&look)
        give(.looked(look))
    }

    /// The store takes all that it is given.
    mutating func recordAll() {
        while !records.isEmpty {
            let record = records.removeFirst()
            give(.recorded(record.number, fresh: Set(record.change.deliveries.map(\.key))))
        }
    }

    mutating func answerPosts(_ answer: PostAnswer = .answered(status: 200, retryAfter: nil)) -> [AlertDelivery] {
        let sent = posts
        posts = []
        for delivery in sent { give(.posted(delivery.key, answer)) }
        return sent
    }

    /// Whatever is due is written down and delivered.
    mutating func deliverAll() -> [String] {
        var ids: [String] = []
        for _ in 0..<100 {
            recordAll()
            let sent = answerPosts()
            if sent.isEmpty, records.isEmpty { break }
            ids += sent.map(\.key.deliveryID)
        }
        return ids
    }

    // MARK: Episodes

    static func episode(
        _ device: String, _ start: Double, _ end: Double? = nil, metric: String = "t",
        kind: AnomalyEpisode.Kind = .anomaly, score: Double = 0.8, id: String? = nil
    ) -> AnomalyEpisode {
        let origin = Instant(rfc3339: "2026-11-22T15:00:00Z") ?? .epoch
        let begin = origin.advanced(byMicroseconds: Int64(start * 1e6))
        return AnomalyEpisode(
            id: id ?? "\(device)/\(metric)/\(begin.microseconds)", kind: kind,
            series: Series(device: DeviceID(unchecked: device), metric: Metric(unchecked: metric)), start: begin,
            peak: begin, end: end.map { origin.advanced(byMicroseconds: Int64($0 * 1e6)) }, score: score, value: 1,
            reason: "far", model: ModelID(name: metric, version: 1))
    }
}

/// What a body says, read without the code under test.
struct BodyText {
    let text: String

    init(_ body: [UInt8]) {
        text = String(decoding: body, as: UTF8.self)
    }

    /// Of the first of them.
    init(_ sent: [AlertDelivery]) {
        self.init(sent.first?.body ?? [])
    }

    func has(_ key: String, _ value: String) -> Bool {
        text.contains("\"\(key)\":\(value),") || text.contains("\"\(key)\":\(value)}")
    }
}
