import Alerting
import Ports
import Telemetry
import Testing

/// Deliveries: written down, sent, tried again, given up.
@Suite struct OutboxTests {
    /// One delivery, recorded and posted.
    private static func posted(_ change: (inout AlertSettings) -> Void = { _ in }) -> AlertBench {
        var bench = AlertBench.sender(change)
        bench.give(.heard([AlertBench.episode("d", 0)]))
        bench.wait(2.1)
        bench.recordAll()
        return bench
    }

    @Test func whereTheStoreIsAwayItIsSentAtOnceAndWrittenDownLater() {
        var bench = AlertBench.sender()
        bench.give(.heard([AlertBench.episode("d", 0)]))
        bench.wait(2.1)
        let first = bench.records.removeFirst()
        #expect(bench.posts.isEmpty)
        bench.give(.recordFailed(first.number))
        let sent = bench.answerPosts()
        #expect(sent.map(\.key.deliveryID) == ["d/t/1795359600000000/start"])
        #expect(bench.records.isEmpty)
        bench.wait(1.1)
        #expect(bench.records.map(\.change.alerts.count) == [1])
        #expect(bench.records.first?.change.deliveries.map(\.state) == [.delivered])
        bench.recordAll()
        // From here on it is first written down again.
        bench.give(.heard([AlertBench.episode("e", 0)]))
        bench.wait(2.1)
        #expect(bench.posts.isEmpty && bench.records.count == 1)
    }

    @Test func aDeliveryThatTheStoreKnowsIsLeftToWhoeverHasIt() {
        var bench = AlertBench.sender()
        bench.give(.heard([AlertBench.episode("d", 0)]))
        bench.wait(2.1)
        let record = bench.records.removeFirst()
        let looks = bench.looks.count
        bench.answerLook()
        bench.give(.recorded(record.number, fresh: []))
        #expect(bench.posts.isEmpty && bench.core.pendingCount == 0)
        // Or it is ours after all: the store says so at once.
        #expect(bench.looks.count >= looks && bench.looks.last?.isFull == true)
        bench.answerLook { $0.deliveries = record.change.deliveries }
        #expect(bench.answerPosts().map(\.key) == record.change.deliveries.map(\.key))
    }

    @Test func theEndWaitsForTheStart() {
        var bench = Self.posted()
        bench.give(.heard([AlertBench.episode("d", 0, 5)]))
        bench.recordAll()
        #expect(bench.posts.count == 1)
        #expect(bench.answerPosts(.answered(status: 500, retryAfter: nil)).count == 1)
        bench.recordAll()
        #expect(bench.posts.isEmpty)
        bench.wait(2)
        bench.recordAll()
        #expect(bench.answerPosts().map(\.key.event) == [.start])
        #expect(bench.answerPosts().map(\.key.event) == [.end])
    }

    @Test func aRefusalIsFinal() {
        var bench = Self.posted()
        #expect(bench.answerPosts(.answered(status: 410, retryAfter: nil)).count == 1)
        #expect(bench.records.isEmpty)
        bench.wait(1.1)
        #expect(bench.records.first?.change.deliveries.map(\.state) == [.givenUp])
        let gaveUp = bench.notes.compactMap { if case .gaveUp(_, let reason) = $0 { reason } else { nil } }
        #expect(gaveUp == ["answered 410: it does not want this alert"])
        bench.recordAll()
        bench.wait(86_400)
        #expect(bench.posts.isEmpty)
    }

    /// Every wait lies between the floor and a limit that doubles; the same body every time.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func failuresAreTriedAgainEverMoreSeldom(seed: UInt64) {
        var settings = AlertSettings(targets: [AlertBench.target], node: "n0")
        settings.limits.givenUpAfter = .max
        var bench = AlertBench(settings, seed: seed)
        bench.give(.sending(true))
        bench.answerLook()
        bench.give(.heard([AlertBench.episode("d", 0)]))
        bench.wait(2.1)
        var waits: [Double] = []
        let body = bench.records.first?.change.deliveries.first?.body
        for attempt in 1...40 {
            bench.recordAll()
            #expect(bench.posts.map(\.body) == [body])
            _ = bench.answerPosts(.unanswered(reason: "no answer in time"))
            bench.recordAll()
            var waited = 0.0
            while bench.posts.isEmpty, waited < 1_000 {
                bench.wait(0.25)
                waited += 0.25
                bench.answerLook()
            }
            waits.append(waited)
            let longest = min(900, Double(1 << min(attempt - 1, 20)))
            #expect(waited <= longest + 0.5, "attempt \(attempt)")
        }
        // Drawn from all of it.
        let late = waits.suffix(25)
        #expect((late.min() ?? 0) < 300 && (late.max() ?? 0) > 500 && Set(late).count > 15)
    }

    @Test func whatCannotBeDeliveredIsGivenUp() {
        for (attempts, age) in [(3, Int64.max), (1_000, 100_000_000)] {
            var bench = Self.posted {
                $0.limits.attemptsMax = attempts
                $0.limits.givenUpAfter = age
            }
            var sent = 0
            for _ in 0..<2_000 {
                bench.recordAll()
                sent += bench.answerPosts(.answered(status: 500, retryAfter: nil)).count
                bench.wait(0.25)
                bench.answerLook()
            }
            let gaveUp = bench.notes.filter { if case .gaveUp = $0 { true } else { false } }
            #expect(gaveUp.count == 1 && bench.core.pendingCount == 0)
            #expect(sent <= attempts && sent > 2)
        }
    }

    @Test(arguments: [(30, 30.0), (86_400, 3_600)])
    func aReceiverThatWantsToBeLeftAloneIs(asked: Int64, waited: Double) {
        var bench = Self.posted { $0.limits.backOffMax = 1_000_000 }
        _ = bench.answerPosts(.answered(status: 429, retryAfter: asked * 1_000_000))
        bench.give(.heard([AlertBench.episode("e", 0)]))
        bench.wait(waited - 1)
        bench.recordAll()
        #expect(bench.posts.isEmpty)
        bench.wait(1.1)
        bench.recordAll()
        // One alone, to see whether it is well again.
        #expect(bench.answerPosts().count == 1)
        #expect(bench.answerPosts().count == 1)
    }

    @Test func aReceiverGetsAFewAtOnceAndOneWhileItFails() {
        var bench = AlertBench.sender { $0.limits.fleetDevicesMin = 1_000 }
        bench.give(.heard((0..<20).map { AlertBench.episode("d\($0)", 0) }))
        bench.wait(2.1)
        bench.recordAll()
        #expect(bench.posts.count == 4)
        _ = bench.answerPosts(.unanswered(reason: "cannot connect"))
        #expect(bench.posts.count == 1)
        for _ in 0..<200 where bench.core.pendingCount > 0 {
            bench.recordAll()
            #expect(bench.posts.count <= 4)
            _ = bench.answerPosts()
            bench.wait(1)
            bench.answerLook()
        }
        #expect(bench.core.pendingCount == 0)
    }

    // MARK: After another sender

    @Test func whatWasLeftIsSent() {
        var other = Self.posted()
        let left = other.posts
        let row = Alert(AlertBench.episode("d", 0), fate: .told)
        _ = other.answerPosts(.unanswered(reason: "x"))
        var bench = AlertBench(seed: 2)
        bench.give(.sending(true))
        // What a listener that came late hears of it.
        bench.give(.heard([AlertBench.episode("d", 1)]))
        bench.answerLook {
            $0.alerts = [row]
            $0.deliveries = left
            $0.episodes = [AlertBench.episode("d", 0)]
        }
        bench.wait(3)
        bench.recordAll()
        let sent = bench.answerPosts()
        #expect(sent == left)
        bench.give(.heard([AlertBench.episode("d", 1, 9)]))
        #expect(bench.deliverAll() == ["d/t/1795359600000000/end"])
    }

    /// A look that was under way when a delivery ended still calls it pending.
    @Test func whatIsThroughIsNotSentAgain() {
        var bench = Self.posted()
        let row = Alert(AlertBench.episode("d", 0), fate: .told)
        let sent = bench.answerPosts()
        bench.wait(30)
        bench.answerLook {
            $0.alerts = [row]
            $0.deliveries = sent
        }
        bench.recordAll()
        #expect(bench.posts.isEmpty && bench.core.pendingCount == 0)
    }

    @Test func deliveriesToOthersAreLeftAlone() {
        var bench = AlertBench()
        bench.give(.sending(true))
        let key = AlertDelivery.Key(alert: "a", event: .start, target: "unknown")
        bench.answerLook { [time = bench.time] in
            $0.deliveries = [AlertDelivery(key: key, body: [1], created: time, next: time)]
        }
        bench.wait(1)
        #expect(bench.posts.isEmpty && bench.core.pendingCount == 0)
    }

    @Test func anEndThatNobodyHeardIsFoundInTheStore() {
        for isFollowed in [false, true] {
            var bench = AlertBench()
            bench.give(.sending(true))
            let start = isFollowed ? -7_200.0 : -60
            let row = Alert(AlertBench.episode("d", start), fate: .told)
            bench.answerLook { $0.alerts = [row] }
            bench.wait(31)
            #expect(bench.looks.last?.followed.map(\.alert) == (isFollowed ? [row.id] : []))
            let over = AlertBench.episode("d", start, 10)
            bench.answerLook {
                if isFollowed { $0.followed = [row.id: [over]] } else { $0.episodes = [over] }
            }
            #expect(bench.deliverAll() == [row.id + "/end"])
        }
    }

    @Test func anAlertWhoseReadingsWereDeletedEnds() {
        var bench = AlertBench()
        bench.give(.sending(true))
        let row = Alert(AlertBench.episode("d", -3_600), fate: .told)
        bench.answerLook { $0.alerts = [row] }
        bench.wait(31)
        bench.answerLook { $0.followed = [row.id: []] }
        #expect(bench.deliverAll() == [])
        // The store was away meanwhile: what it has nothing of may be on its way there.
        bench.wait(590)
        bench.looks = []
        bench.give(.lookFailed(activeDevices: 0))
        bench.wait(31)
        bench.answerLook { $0.followed = [row.id: []] }
        #expect(bench.deliverAll() == [])
        bench.wait(601)
        bench.answerLook { $0.followed = [row.id: []] }
        #expect(bench.deliverAll() == [row.id + "/end"])
    }
}
