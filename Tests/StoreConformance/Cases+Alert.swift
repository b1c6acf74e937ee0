import Ports
import Telemetry
import Testing

extension ConformanceCase {
    static let alerts: [ConformanceCase] = [
        .init("alerts are written once and end once", alertsOnce),
        .init("deliveries are new once, and end once", deliveriesOnce),
        .init("deliveries to those who are asked for are told", deliveriesChosen),
        .init("alerts that are not over, or ended lately, are told", alertsChosen),
        .init("fleet incidents that touch a range are told, the latest first", incidentsChosen),
        .init("the alerts of a deleted device go with it", alertsDeleted),
        .init(stores: "what one node leaves, another finds", alertsOfOthers),
        .init("what is long over is forgotten", oldAlerts),
        .init("many alerts go in one call", manyAlerts),
    ]

    static let mutes: [ConformanceCase] = [
        .init("there is one mute a scope, until it is lifted", mutesOnce),
        .init("mutes that are out of force are forgotten with the next one", oldMutes),
    ]

    private static func episode(
        _ device: String, _ start: Int64, _ end: Int64? = nil, kind: AnomalyEpisode.Kind = .anomaly,
        score: Double = 0.75,
        metric: String = "t", reason: String = "far\0\u{1F600}", model: ModelID = ModelID(name: "t", version: 3)
    ) -> AnomalyEpisode {
        AnomalyEpisode(
            id: "\(kind.rawValue)/\(device)/\(metric)/\(start)", kind: kind, series: Make.series(device, metric),
            start: Make.time(start), peak: Make.time(start + 1), end: end.map(Make.time), score: score, value: -1 / 3,
            reason: reason, model: model)
    }

    private static func alert(_ device: String, _ start: Int64, _ end: Int64? = nil) -> Alert {
        Alert(episode(device, start, end, reason: "far"), fate: .told)
    }

    private static func delivery(
        _ alert: Alert, _ event: AlertDelivery.Event = .start, _ target: String = "x", created: Int64 = 0
    ) -> AlertDelivery {
        AlertDelivery(
            key: AlertDelivery.Key(alert: alert.id, event: event, target: target), body: [0, 1, 255],
            created: Make.time(created), next: Make.time(created))
    }

    private static func all(_ store: any Store) async throws -> [Alert] {
        try await store.alerts(endedSince: .distantPast, limit: 10_000)
    }

    private static func pending(_ store: any Store) async throws -> [AlertDelivery] {
        try await store.pendingDeliveries(to: ["x", "y"], after: .distantPast, limit: 10_000)
    }

    private static func alertsOnce(_ store: any Store) async throws {
        #expect(try await all(store) == [])
        let open = alert("d", 10)
        for _ in 0..<2 {
            _ = try await store.record(AlertChange(alerts: [open]))
            #expect(try await all(store) == [open])
        }
        // It goes on: all but its name, series, start and fate.
        let grown = Alert(
            episode("d", 10, score: 0.9, reason: "further"), cause: .anomaly, through: Make.time(20),
            devices: 7, fate: .muted)
        _ = try await store.record(AlertChange(alerts: [grown]))
        let kept = Alert(grown.episode, cause: .anomaly, through: Make.time(20), devices: 7, fate: .told)
        #expect(try await all(store) == [kept])
        let over = Alert(
            episode("d", 10, 30, score: 0.9, reason: "over"), cause: .anomaly, through: Make.time(20),
            devices: 7, fate: .told)
        _ = try await store.record(AlertChange(alerts: [over]))
        #expect(try await all(store) == [over])
        _ = try await store.record(AlertChange(alerts: [open, alert("d", 10, 99)]))
        #expect(try await all(store) == [over])
        // Every kind and fate, and a model that is none.
        let others = AnomalyEpisode.Kind.allOfThem.flatMap { kind in
            Alert.Fate.allCases.map { fate in
                Alert(
                    episode("e\(fate.rawValue)", 40, kind: kind, reason: "r", model: .none), cause: .silence,
                    through: Make.time(41), devices: 2, fate: fate)
            }
        }
        _ = try await store.record(AlertChange(alerts: others))
        #expect(Set(try await all(store)) == Set(others + [over]))
        // Text that no database likes, and no numbers.
        let odd = Alert(
            AnomalyEpisode(
                id: "odd", kind: .anomaly, series: Make.series("ö'\"\\", "é"), start: Make.time(50),
                peak: Make.time(50), end: nil, score: .nan, value: .nan, reason: "far\0\u{1F600}", model: .none),
            fate: .told)
        _ = try await store.record(AlertChange(alerts: [odd]))
        let found = try await all(store).first { $0.id == "odd" }
        #expect(found?.episode.series == odd.episode.series)
        #expect(found?.episode.reason.hasSuffix("\u{1F600}") == true)
        _ = try await store.record(AlertChange())
    }

    private static func deliveriesOnce(_ store: any Store) async throws {
        let one = alert("d", 10)
        let both = [delivery(one), delivery(one, .end), delivery(one, .start, "y")]
        let keys = Set(both.map(\.key))
        #expect(try await store.record(AlertChange(alerts: [one], deliveries: both)) == keys)
        #expect(try await pending(store) == both.sorted { $0.key < $1.key })
        #expect(try await store.record(AlertChange(alerts: [one], deliveries: both)) == [])
        // An attempt that failed; the body stays what it was.
        var tried = AlertDelivery(
            key: both[0].key, body: [9], created: Make.time(99), attempts: 3, next: Make.time(500))
        #expect(try await store.record(AlertChange(deliveries: [tried])) == [])
        let kept = try await pending(store).first { $0.key == tried.key }
        #expect(kept?.attempts == 3 && kept?.next == Make.time(500) && kept?.body == [0, 1, 255])
        #expect(kept?.created == Make.time(0))
        // What is older counts for nothing.
        _ = try await store.record(AlertChange(deliveries: [both[0]]))
        #expect(try await pending(store).first { $0.key == tried.key }?.attempts == 3)
        tried.state = .delivered
        tried.attempts = 4
        var refused = both[1]
        refused.state = .givenUp
        refused.attempts = 1
        _ = try await store.record(AlertChange(deliveries: [tried, refused]))
        #expect(try await pending(store) == [both[2]])
        // What is through stays through.
        tried.state = .pending
        tried.attempts = 9
        #expect(try await store.record(AlertChange(deliveries: [tried] + both)) == [])
        #expect(try await pending(store) == [both[2]])
        // Written down only when it was through.
        var late = delivery(alert("e", 1))
        late.state = .delivered
        #expect(try await store.record(AlertChange(deliveries: [late])) == [late.key])
        #expect(try await store.pendingDeliveries(to: ["x", "y"], after: .distantPast, limit: 0) == [])
        #expect(try await pending(store) == [both[2]])
    }

    /// Those of a receiver that is gone stay pending, and hide nothing.
    private static func deliveriesChosen(_ store: any Store) async throws {
        let one = alert("d", 10)
        let all = ["gone", "x", "y"].enumerated().map { delivery(one, .start, $1, created: Int64($0) * 10) }
        _ = try await store.record(AlertChange(alerts: [one], deliveries: all))
        for (targets, after, limit, expected) in [
            (["x"], -1, 1, [1]), (["y", "x"], -1, 9, [1, 2]), (["x", "y"], 9, 9, [1, 2]), (["x", "y"], 10, 9, [2]),
            (["x", "y"], 10, 0, []), (["other"], -1, 9, []), ([], -1, 9, []), (["gone", "x", "y"], -1, 2, [0, 1]),
        ] as [([String], Int64, Int, [Int])] {
            let found = try await store.pendingDeliveries(to: targets, after: Make.time(after), limit: limit)
            #expect(found == expected.map { all[$0] }, "\(targets) after \(after)")
        }
    }

    private static func alertsChosen(_ store: any Store) async throws {
        let alerts = [alert("a", 1), alert("b", 2, 10), alert("c", 3, 20), alert("d", 4), alert("e", 5, 30)]
        _ = try await store.record(AlertChange(alerts: alerts))
        for (since, expected) in [(0, "edcba"), (10, "edcba"), (11, "edca"), (20, "edca"), (30, "eda"), (31, "da")] {
            let found = try await store.alerts(endedSince: Make.time(Int64(since)), limit: 100)
            #expect(found.map(\.episode.series.device.text).joined() == expected, "\(since)")
        }
        #expect(try await store.alerts(endedSince: .distantPast, limit: 2) == [alerts[4], alerts[3]])
        #expect(try await store.alerts(endedSince: .distantPast, limit: 0) == [])
        #expect(try await store.alerts(endedSince: .distantFuture, limit: 9) == [alerts[3], alerts[0]])
    }

    private static func incidentsChosen(_ store: any Store) async throws {
        let spans: [(Int64, Int64?)] = [(0, 10), (20, 25), (40, nil), (50, 100)]
        let rows = ["t", "u"].enumerated().flatMap { number, metric in
            spans.map { start, end in
                Alert(
                    episode(
                        "*", start * 10 + Int64(number), end.map { $0 * 10 }, kind: .fleet, metric: metric, reason: "r"),
                    cause: .silence, through: Make.time(start * 10), devices: 12, fate: .unwanted)
            }
        }
        _ = try await store.record(AlertChange(alerts: rows + [alert("d", 5)]))
        for (from, to) in [(0, 2_000), (100, 101), (101, 200), (200, 250), (251, 400), (399, 403), (600, 601), (0, 1)] {
            for device in [nil, "*", "d"] {
                for metric in [nil, "t", "u"] {
                    for limit in [0, 1, 3, 100] {
                        let query = AnomalyQuery(
                            from: Make.time(Int64(from)), to: Make.time(Int64(to)),
                            device: device.map(DeviceID.init(unchecked:)), metric: metric.map(Metric.init(unchecked:)),
                            limit: limit)
                        let expected = rows.filter { row in
                            (device.map { row.episode.series.device.text == $0 } ?? true)
                                && (metric.map { row.episode.series.metric.text == $0 } ?? true)
                                && row.episode.start < query.to && (row.episode.end.map { $0 >= query.from } ?? true)
                        }
                        .sorted { $0.episode.start > $1.episode.start }
                        #expect(try await store.incidents(query) == Array(expected.prefix(limit)), "\(query)")
                    }
                }
            }
        }
        #expect(try await store.incidents(AnomalyQuery(from: Make.time(9), to: Make.time(2), limit: 9)).isEmpty)
    }

    private static func alertsDeleted(_ store: any Store) async throws {
        let (gone, kept) = (Make.series("gone", "t"), Make.series("kept", "t"))
        try await store.append([Make.reading(gone, 0), Make.reading(kept, 0), Make.reading(Make.series("*", "t"), 0)])
        let fleet = Alert(
            episode("*", 1, kind: .fleet, reason: "r"), cause: .anomaly, through: Make.time(2), devices: 5, fate: .told)
        let alerts = [alert("gone", 1), alert("kept", 2), fleet]
        _ = try await store.record(AlertChange(alerts: alerts, deliveries: alerts.map { delivery($0) }))
        _ = try await store.delete(gone.device)
        // A device may be called so; an incident is none.
        _ = try await store.delete(Alert.fleetDevice)
        let late = delivery(alerts[0])
        #expect(try await store.record(AlertChange(deliveries: [late], known: [late.key])) == [])
        #expect(Set(try await all(store)) == [alerts[1], alerts[2]])
        #expect(Set(try await pending(store).map(\.key.alert)) == [alerts[1].id, alerts[2].id])
    }

    private static func alertsOfOthers(_ place: StorePlace) async throws {
        let (one, other) = (try await place.prepared(), try await place.prepared())
        let alert = alert("d", 10)
        #expect(try await one.record(AlertChange(alerts: [alert], deliveries: [delivery(alert)])).count == 1)
        #expect(try await other.record(AlertChange(alerts: [alert], deliveries: [delivery(alert)])) == [])
        #expect(try await pending(other) == [delivery(alert)])
        #expect(try await all(other) == [alert])
        // Both at once: each delivery is new for one of them.
        let alerts = (0..<50).map { Self.alert("m\($0)", 1) }
        let change = AlertChange(alerts: alerts, deliveries: alerts.map { delivery($0) })
        let back = AlertChange(alerts: alerts.reversed(), deliveries: alerts.reversed().map { delivery($0) })
        async let first = one.record(change)
        async let second = other.record(back)
        let (mine, yours) = (try await first, try await second)
        #expect(mine.isDisjoint(with: yours) && mine.count + yours.count == 50)
        let mute = Mute(scope: Mute.Scope(), since: Make.time(0), until: nil, reason: "r")
        #expect(try await one.mute(mute))
        #expect(try await other.mutes() == [mute])
        await one.close()
        await other.close()
    }

    private static func oldAlerts(_ store: any Store) async throws {
        // By the store's clock, which is today's.
        let old = Instant(rfc3339: "2001-01-01T00:00:00Z") ?? .epoch
        let ancient = Alert(
            AnomalyEpisode(
                id: "ancient", kind: .anomaly, series: Make.series("d"), start: old, peak: old, end: old, score: 1,
                value: 1, reason: "r", model: .none), fate: .told)
        let lasting = Alert(
            AnomalyEpisode(
                id: "lasting", kind: .anomaly, series: Make.series("d"), start: old, peak: old, end: nil, score: 1,
                value: 1, reason: "r", model: .none), fate: .told)
        let key = AlertDelivery.Key(alert: "ancient", event: .start, target: "x")
        _ = try await store.record(
            AlertChange(
                alerts: [ancient, lasting],
                deliveries: [AlertDelivery(key: key, body: [], created: old, next: old)]))
        _ = try await store.record(AlertChange())
        #expect(try await all(store) == [lasting])
        #expect(try await pending(store) == [])
    }

    private static func manyAlerts(_ store: any Store) async throws {
        let alerts = (0..<5_000).map { alert("d\($0)", 1) }
        let fresh = try await store.record(AlertChange(alerts: alerts, deliveries: alerts.map { delivery($0) }))
        #expect(fresh.count == 5_000)
        #expect(try await all(store).count == 5_000)
        #expect(try await pending(store).count == 5_000)
    }

    // MARK: Mutes

    private static func mute(_ device: String?, _ metric: String?, until: Int64?, since: Int64 = 0) -> Mute {
        Mute(
            scope: Mute.Scope(
                device: device.map(DeviceID.init(unchecked:)), metric: metric.map(Metric.init(unchecked:))),
            since: Make.time(since), until: until.map(Make.time), reason: "because ü")
    }

    private static func mutesOnce(_ store: any Store) async throws {
        #expect(try await store.mutes() == [])
        let all = [
            mute("d", nil, until: 10), mute(nil, "t", until: 20), mute("d", "t", until: 30), mute(nil, nil, until: nil),
            mute("e", nil, until: nil),
        ]
        for one in all.reversed() { #expect(try await store.mute(one)) }
        #expect(try await store.mutes() == all)
        let longer = mute("d", nil, until: 40, since: 5)
        #expect(try await store.mute(longer))
        #expect(try await store.mutes() == [all[1], all[2], longer, all[3], all[4]])
        #expect(try await store.unmute(longer.scope))
        #expect(try await !store.unmute(longer.scope))
        #expect(try await store.unmute(Mute.Scope()))
        #expect(try await store.mutes() == [all[1], all[2], all[4]])
    }

    private static func oldMutes(_ store: any Store) async throws {
        #expect(try await store.mute(mute("a", nil, until: 10)))
        #expect(try await store.mute(mute("b", nil, until: 11)))
        #expect(try await store.mutes().count == 2)
        #expect(try await store.mute(mute("c", nil, until: 50, since: 10)))
        #expect(try await store.mutes().map(\.scope.device?.text) == ["b", "c"])
    }
}

extension AnomalyEpisode.Kind {
    fileprivate static var allOfThem: [AnomalyEpisode.Kind] { [.anomaly, .silence, .fleet] }
}
