import Alerting
import Foundation
import Ports
import Telemetry
import Testing

/// Many that begin together are one.
@Suite struct FleetTests {
    private static let id = "fleet/t/anomaly/1795359600000000"

    @Test func manyDevicesAreOneAlert() {
        var bench = AlertBench.sender(activeDevices: 10)
        for number in 0..<7 {
            bench.give(.heard([AlertBench.episode("d\(number)", Double(number) * 0.1, score: number == 3 ? 0.9 : 0.8)]))
            bench.wait(0.1)
        }
        bench.wait(2.1)
        bench.recordAll()
        let sent = bench.answerPosts()
        #expect(sent.map(\.key.deliveryID) == [Self.id + "/start"])
        let body = BodyText(sent)
        for (key, value) in [
            ("kind", "\"fleet\""), ("device_id", "\"*\""), ("type", "\"t\""), ("score", "0.9"), ("model", "\"t@1\""),
            ("reason", "\"7 devices became anomalous together: d0, d1, d2, d3, d4 and 2 more\""),
        ] { #expect(body.has(key, value), "\(key) in \(body.text)") }
        // Who comes a while later belongs to it.
        bench.wait(30)
        bench.give(.heard([AlertBench.episode("late", 33)]))
        bench.wait(3)
        #expect(bench.deliverAll() == [])
        bench.give(.heard((0..<7).map { AlertBench.episode("d\($0)", Double($0) * 0.1, 40) }))
        bench.wait(61)
        #expect(bench.deliverAll() == [])
        bench.give(.heard([AlertBench.episode("late", 33, 90)]))
        bench.wait(0.3)
        bench.recordAll()
        let over = bench.answerPosts()
        #expect(over.map(\.key.deliveryID) == [Self.id + "/end"])
        #expect(BodyText(over).has("end", "\"2026-11-22T15:01:30.000Z\""))
        #expect(BodyText(over).text.contains("8 devices"))
        // Then it is over, for all of them.
        bench.give(.heard([AlertBench.episode("d0", 100)]))
        bench.wait(3)
        #expect(bench.deliverAll() == ["d0/t/1795359700000000/start"])
    }

    @Test(arguments: [
        (-1, 5), (0, 5), (16, 5), (17, 6), (50, 15), (100, 30), (101, 30), (300, 30), (301, 31), (1_000, 100),
    ])
    func howManyAreManyDependsOnTheFleet(active: Int, needed: Int) {
        #expect(AlertLimits().fleetDevices(ofActive: active) == needed)
        for count in [needed - 1, needed] {
            var bench = AlertBench.sender(activeDevices: active)
            bench.give(.heard((0..<count).map { AlertBench.episode("d\($0)", 0) }))
            bench.wait(3)
            let told = bench.deliverAll()
            #expect(told.contains(Self.id + "/start") == (count == needed))
            #expect(told.count == (count == needed ? 1 : count))
        }
    }

    @Test func whoBeginsApartIsNotOne() {
        var bench = AlertBench.sender()
        // Three seconds apart: four within ten seconds.
        for number in 0..<10 {
            bench.give(.heard([AlertBench.episode("d\(number)", Double(number) * 3)]))
            bench.wait(3)
            bench.answerLook()
        }
        // Of several metrics and kinds, and one device again and again.
        bench.give(.heard((0..<4).map { AlertBench.episode("m\($0)", 200, metric: "u") }))
        bench.give(.heard((4..<8).map { AlertBench.episode("m\($0)", 200, metric: "v") }))
        bench.give(.heard((4..<8).map { AlertBench.episode("m\($0)", 200, metric: "v", kind: .silence) }))
        bench.give(
            .heard((0..<9).map { AlertBench.episode("same", 200 + Double($0), 200.5 + Double($0), metric: "w") }))
        bench.wait(3)
        let incidents = bench.deliverAll().filter { $0.hasPrefix("fleet/") }
        #expect(incidents == [])
    }

    /// Ten devices of which one begins an episode of some metric every ten seconds: by chance they are no incident.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func aFewDevicesAreNotPutTogetherByChance(seed: UInt64) {
        var bench = AlertBench.sender(activeDevices: 10)
        var random = SeededGenerator(seed: seed)
        var (count, told, second) = (0, 0, 0.0)
        while second < 7_200 {
            let wait = -Foundation.log(1 - random.drawUnit()) * 10
            second += wait
            bench.wait(wait)
            let (device, metric) = (random.draw(below: 10), random.draw(below: 3))
            bench.give(.heard([AlertBench.episode("d\(device)", second, second + 1, metric: "m\(metric)")]))
            count += 1
            told += bench.deliverAll().filter { !$0.hasPrefix("fleet/") && $0.hasSuffix("/start") }.count
        }
        bench.wait(3)
        told += bench.deliverAll().filter { !$0.hasPrefix("fleet/") && $0.hasSuffix("/start") }.count
        #expect(told >= count * 98 / 100, "\(told) of \(count)")
    }

    /// Devices go on to begin episodes: the incident does not take them in for ever.
    @Test func anIncidentTakesNobodyInForEver() {
        var bench = AlertBench.sender(activeDevices: 10)
        bench.give(.heard((0..<5).map { AlertBench.episode("d\($0)", 0, 5) }))
        bench.wait(3)
        #expect(bench.deliverAll() == [Self.id + "/start"])
        var told: [String] = []
        for number in 1...10 {
            let start = Double(number) * 40
            bench.wait(40)
            bench.give(.heard([AlertBench.episode("e\(number)", start, start + 5)]))
            bench.wait(0)
            told += bench.deliverAll()
        }
        bench.wait(3)
        told += bench.deliverAll()
        // Those at 40, 80, 120 and 160 seconds belong to it.
        #expect(told.filter { $0.hasPrefix("e") && $0.hasSuffix("/start") }.count == 6)
        #expect(told.contains(Self.id + "/end"))
    }

    /// What was sent stays sent, and has its own end.
    @Test func thoseAlreadyToldKeepTheirAlerts() {
        var bench = AlertBench.sender()
        var told: [String] = []
        for number in 0..<6 {
            bench.give(.heard([AlertBench.episode("d\(number)", Double(number) * 2.2)]))
            bench.wait(2.2)
            told += bench.deliverAll()
        }
        #expect(told.filter { !$0.hasPrefix("fleet/") }.count == 4)
        #expect(told.last == Self.id + "/start")
        bench.give(.heard((0..<6).map { AlertBench.episode("d\($0)", Double($0) * 2.2, 30) }))
        #expect(bench.deliverAll().count == 4)
        bench.wait(61)
        #expect(bench.deliverAll() == [Self.id + "/end"])
    }

    @Test func silencesAreIncidentsToo() {
        var bench = AlertBench.sender()
        bench.give(.heard((0..<5).map { AlertBench.episode("d\($0)", 0, kind: .silence) }))
        bench.wait(4)
        bench.recordAll()
        let sent = bench.answerPosts()
        #expect(sent.map(\.key.deliveryID) == ["fleet/t/silence/1795359600000000/start"])
        #expect(BodyText(sent).text.contains("5 devices fell silent together"))
    }

    @Test func anIncidentGoesOutIfTheFiltersWantOneOfItsDevices() {
        for (pattern, isWanted) in [("d3", true), ("e*", false)] {
            var bench = AlertBench.sender { $0.filter = AlertFilter(devices: [GlobPattern(pattern)]) }
            bench.give(.heard((0..<5).map { AlertBench.episode("d\($0)", 0) }))
            bench.wait(4)
            // It is written down in any case.
            #expect(bench.records.map { $0.change.alerts.map(\.id) } == [[Self.id]])
            #expect(bench.deliverAll() == (isWanted ? [Self.id + "/start"] : []))
        }
    }

    /// Nobody is told of the incident: who wants this one is told of it alone.
    @Test func anIncidentThatNobodyWantsSwallowsNothingWanted() {
        var bench = AlertBench.sender { $0.filter = AlertFilter(devices: [GlobPattern("e*")]) }
        bench.give(.heard((0..<5).map { AlertBench.episode("d\($0)", 0) }))
        bench.wait(4)
        bench.give(.heard([AlertBench.episode("e", 10), AlertBench.episode("f", 10)]))
        bench.wait(3)
        #expect(bench.deliverAll() == ["e/t/1795359610000000/start"])
        // Many of them are an incident of their own, though they began together with the others.
        bench.give(.heard((0..<5).map { AlertBench.episode("e\($0)", 0) }))
        bench.wait(3)
        #expect(bench.deliverAll() == [Self.id + "/wanted/start"])
    }

    @Test func anIncidentThatWasMutedSwallowsNothingAfterTheMute() {
        var bench = AlertBench.sender()
        bench.give(.heard((0..<5).map { AlertBench.episode("d\($0)", 0) }))
        bench.wait(1)
        bench.answerLook { [time = bench.time] in
            $0.mutes = [Mute(scope: Mute.Scope(), since: time, until: nil, reason: "")]
        }
        bench.wait(3)
        bench.answerLook()
        bench.give(.heard([AlertBench.episode("e", 10)]))
        bench.wait(3)
        #expect(bench.deliverAll() == ["e/t/1795359610000000/start"])
    }

    @Test func withoutTargetsIncidentsAreWrittenDown() {
        var bench = AlertBench.sender { $0.targets = [] }
        bench.give(.heard((0..<5).map { AlertBench.episode("d\($0)", 0) } + [AlertBench.episode("x", 0, metric: "u")]))
        bench.wait(4)
        #expect(bench.records.map { $0.change.alerts.map(\.id) } == [[Self.id]])
        #expect(bench.records.first?.change.deliveries.isEmpty == true)
        bench.recordAll()
        bench.give(.heard((0..<5).map { AlertBench.episode("d\($0)", 0, 9) }))
        bench.wait(61)
        #expect(bench.records.first?.change.alerts.first?.episode.end != nil)
    }

    @Test func theMutedAreNotCounted() {
        var bench = AlertBench.sender()
        let scope = Mute.Scope(device: DeviceID(unchecked: "d0"), metric: nil)
        bench.wait(1)
        bench.answerLook { [time = bench.time] in
            $0.mutes = [Mute(scope: scope, since: time, until: nil, reason: "")]
        }
        bench.give(.heard((0..<5).map { AlertBench.episode("d\($0)", 0) }))
        bench.wait(3)
        let told = bench.deliverAll()
        #expect(told.count == 4 && told.allSatisfy { !$0.hasPrefix("fleet/") })
    }

    /// The next sender finds the incident in the store, and in the store's episodes who belongs to it.
    @Test(arguments: [-60.0, -7_200])
    func theNextSenderGoesOnWithAnIncident(start: Double) {
        var other = AlertBench.sender { $0.limits.lookBack = 86_400_000_000 }
        let members = (0..<6).map { AlertBench.episode("d\($0)", start + Double($0)) }
        other.give(.heard(members))
        other.wait(4)
        let row = other.records.first?.change.alerts.first
        #expect(other.deliverAll().count == 1)
        var bench = AlertBench(seed: 9)
        bench.give(.sending(true))
        let isPresent = start > -900
        bench.answerLook {
            $0.alerts = row.map { [$0] } ?? []
            if isPresent { $0.episodes = members }
        }
        bench.wait(90)
        #expect(bench.deliverAll() == [])
        if !isPresent {
            #expect(bench.looks.last?.followed.map(\.alert) == row.map { [$0.id] })
            bench.answerLook { $0.followed = row.map { [$0.id: members] } ?? [:] }
        }
        bench.give(.heard((0..<6).map { AlertBench.episode("d\($0)", start + Double($0), 50) }))
        bench.wait(61)
        #expect(bench.deliverAll() == row.map { [$0.id + "/end"] })
        #expect(bench.core.pendingCount == 0)
    }

    /// A look at the present shows its members from where the look begins, all at once, under other names.
    @Test(arguments: [false, true])
    func aNewSenderMakesNoSecondIncidentOfTheFirst(isPartial: Bool) {
        let members = (0..<6).map { AlertBench.episode("d\($0)", -7_200 + Double($0)) }
        var other = AlertBench.sender { $0.limits.lookBack = 86_400_000_000 }
        other.give(.heard(members))
        other.wait(4)
        let row = other.records.first?.change.alerts.first
        _ = other.deliverAll()
        var bench = AlertBench(seed: 9)
        bench.give(.sending(true))
        let first = isPartial ? -100.0 : -899
        bench.answerLook { [time = bench.time] in
            $0.alerts = row.map { [$0] } ?? []
            $0.cutAt = isPartial ? time.advanced(byMicroseconds: -100_000_000) : nil
            $0.episodes = (0..<6).map { AlertBench.episode("d\($0)", first + Double($0) / 10) }
            $0.episodes += (0..<6).map { AlertBench.episode("e\($0)", first + Double($0) / 10, first + 2) }
            #expect($0.unknownIncidents.map(\.alert) == row.map { [$0.id] })
            for one in $0.unknownIncidents { $0.followed[one.alert] = members }
        }
        bench.wait(90)
        bench.answerLook { $0.alerts = row.map { [$0] } ?? [] }
        let told = bench.deliverAll()
        #expect(told.count == 12 && told.allSatisfy { $0.hasPrefix("e") }, "\(told)")
        bench.give(.heard((0..<6).map { AlertBench.episode("d\($0)", -7_200 + Double($0), 50) }))
        bench.wait(61)
        #expect(bench.deliverAll() == row.map { [$0.id + "/end"] })
    }

    /// Its readings were deleted, or pruned: nobody hears its end.
    @Test func anIncidentEndsWithoutAMemberThatIsDeleted() {
        var bench = AlertBench.sender()
        let members = (0..<6).map { AlertBench.episode("d\($0)", Double($0)) }
        bench.give(.heard(members))
        bench.wait(4)
        #expect(bench.deliverAll() == [Self.id + "/start"])
        bench.wait(1_000)
        bench.give(.heard((0..<5).map { AlertBench.episode("d\($0)", Double($0), 1_000) }))
        for isPartial in [true, false, false] {
            #expect(bench.deliverAll() == [])
            bench.answerLook {
                $0.followed[Self.id] = Array(members.prefix(5))
                if isPartial { $0.partial = [Self.id] }
            }
            bench.wait(isPartial ? 31 : 601)
        }
        #expect(bench.deliverAll() == [Self.id + "/end"])
    }

    @Test func aStormCostsOneAlert() {
        var bench = AlertBench.sender(activeDevices: 20_000)
        for part in 0..<10 {
            bench.give(.heard((0..<2_000).map { AlertBench.episode("d\(part)-\($0)", Double(part)) }))
            bench.wait(0.3)
        }
        bench.wait(4)
        #expect(bench.deliverAll() == [Self.id + "/start"])
        #expect(bench.core.knownCount == 20_000)
    }
}
