import Alerting
import Ports
import Telemetry
import Testing

/// One episode at a time.
@Suite struct EpisodeTests {
    @Test func anEpisodeIsToldWhenItBeginsAndWhenItEnds() {
        var bench = AlertBench.sender()
        bench.give(.heard([AlertBench.episode("d", 0)]))
        bench.wait(1.9)
        #expect(bench.records.isEmpty)
        bench.wait(0.2)
        // Written down before it is sent, alert and delivery together.
        #expect(bench.records.map { [$0.change.alerts.count, $0.change.deliveries.count] } == [[1, 1]])
        #expect(bench.posts.isEmpty)
        bench.recordAll()
        let start = bench.answerPosts()
        #expect(start.map(\.key.deliveryID) == ["d/t/1795359600000000/start"])
        let body = BodyText(start)
        for (key, value) in [
            ("event", "\"start\""), ("kind", "\"anomaly\""), ("device_id", "\"d\""), ("end", "null"),
            ("flock", "\"f\""), ("node", "\"n0\""), ("model", "\"t@1\""), ("score", "0.8"),
        ] { #expect(body.has(key, value), "\(key) in \(body.text)") }
        // It goes on and grows worse: no news for anybody.
        bench.give(.heard([AlertBench.episode("d", 0, score: 0.9)]))
        bench.wait(5)
        #expect(bench.deliverAll() == [])
        bench.give(.heard([AlertBench.episode("d", 0, 9, score: 0.9)]))
        bench.recordAll()
        let end = bench.answerPosts()
        #expect(end.map(\.key.deliveryID) == ["d/t/1795359600000000/end"])
        #expect(BodyText(end).has("end", "\"2026-11-22T15:00:09.000Z\""))
        #expect(BodyText(end).has("score", "0.9"))
        bench.give(.heard([AlertBench.episode("d", 0, 9)]))
        bench.wait(5)
        #expect(bench.deliverAll() == [])
        #expect(bench.core.pendingCount == 0)
    }

    @Test func aShortEpisodeIsToldAsBoth() {
        var bench = AlertBench.sender()
        bench.give(.heard([AlertBench.episode("d", 0)]))
        bench.give(.heard([AlertBench.episode("d", 0, 1)]))
        bench.wait(2.1)
        #expect(bench.deliverAll() == ["d/t/1795359600000000/start", "d/t/1795359600000000/end"])
    }

    @Test func whoDoesNotSendTellsNobody() {
        var bench = AlertBench()
        bench.give(.heard([AlertBench.episode("d", 0)]))
        bench.wait(5)
        #expect(bench.looks.isEmpty && bench.records.isEmpty && bench.posts.isEmpty)
        // From here on it does, but not before the store was asked.
        bench.give(.sending(true))
        bench.give(.heard([AlertBench.episode("d", 0)]))
        bench.wait(5)
        #expect(bench.looks.count == 1 && bench.records.isEmpty)
        bench.answerLook()
        #expect(bench.records.count == 1)
        bench.give(.sending(false))
        bench.give(.heard([AlertBench.episode("e", 0)]))
        bench.wait(5)
        // What it began goes on until the store has it.
        #expect(bench.records.count == 1)
        bench.recordAll()
        bench.wait(1)
        #expect(bench.core.pendingCount == 0 && bench.posts.isEmpty)
    }

    /// A new listener of the live feed begins in the middle, late readings move starts: overlap tells what is the same.
    @Test(
        arguments: [(3.0, nil, "x/1"), (0, nil, "x/2"), (-5, nil, "x/3"), (-5, 1, "x/4")] as [(Double, Double?, String)]
    )
    func anEpisodeIsTheSameUnderAnotherName(start: Double, end: Double?, id: String) {
        var bench = AlertBench.sender()
        bench.give(.heard([AlertBench.episode("d", 0)]))
        bench.wait(3)
        #expect(bench.deliverAll() == ["d/t/1795359600000000/start"])
        bench.give(.heard([AlertBench.episode("d", start, end, id: id)]))
        bench.wait(3)
        #expect(bench.deliverAll() == (end == nil ? [] : ["d/t/1795359600000000/end"]))
        // Others are others: later, of another metric, device or kind.
        bench.give(.heard([AlertBench.episode("d", 0, 10)]))
        bench.give(
            .heard([
                AlertBench.episode("d", 11), AlertBench.episode("d", 11, metric: "u"), AlertBench.episode("e", 11),
                AlertBench.episode("d", 5, kind: .silence),
            ]))
        bench.wait(3)
        #expect(bench.deliverAll().filter { $0.hasSuffix("/start") }.count == 4)
    }

    /// The store saw the beginning.
    @Test func whileItIsHeldTheEarlierStartCounts() {
        var bench = AlertBench.sender()
        bench.give(.heard([AlertBench.episode("d", 7)]))
        bench.wait(30)
        bench.give(.heard([AlertBench.episode("e", 7)]))
        bench.answerLook { $0.episodes = [AlertBench.episode("e", 0)] }
        bench.wait(2.1)
        #expect(bench.deliverAll() == ["d/t/1795359607000000/start", "e/t/1795359600000000/start"])
    }

    /// A look that lags behind still calls the one before open: the one that is held keeps its name.
    @Test func aLookThatLagsBehindDoesNotRenameWhatFollowed() {
        var bench = AlertBench.sender()
        bench.give(.heard([AlertBench.episode("d", 0)]))
        bench.wait(3)
        bench.give(.heard([AlertBench.episode("d", 0, 5)]))
        #expect(bench.deliverAll() == ["d/t/1795359600000000/start", "d/t/1795359600000000/end"])
        bench.wait(27)
        bench.give(.heard([AlertBench.episode("d", 29)]))
        bench.answerLook { $0.episodes = [AlertBench.episode("d", 0)] }
        bench.wait(3)
        #expect(bench.deliverAll() == ["d/t/1795359629000000/start"])
        // Late readings made one of both in the store: it has an end all the same.
        bench.wait(30)
        bench.answerLook { $0.episodes = [AlertBench.episode("d", 0, 40)] }
        #expect(bench.deliverAll() == ["d/t/1795359629000000/end"])
    }

    @Test func aSilenceThatWasTakenBackMayComeAgain() {
        var bench = AlertBench.sender()
        bench.give(.heard([AlertBench.episode("d", 0, kind: .silence)]))
        bench.wait(3)
        bench.give(.heard([AlertBench.episode("d", 0, 0, kind: .silence)]))
        #expect(bench.deliverAll() == ["d/t/1795359600000000/start", "d/t/1795359600000000/end"])
        bench.wait(20)
        bench.give(.heard([AlertBench.episode("d", 0, kind: .silence)]))
        bench.wait(3)
        let again = bench.deliverAll()
        #expect(
            again.count == 1 && again.allSatisfy { $0.hasPrefix("d/t/1795359600000000/") && $0.hasSuffix("/start") })
        bench.give(.heard([AlertBench.episode("d", 0, 50, kind: .silence)]))
        #expect(bench.deliverAll().count == 1)
    }

    // MARK: Filters and mutes

    @Test func filtersChooseSeries() {
        var bench = AlertBench.sender {
            $0.filter = AlertFilter(types: [GlobPattern("temp*"), GlobPattern("u")], devices: [GlobPattern("press-*")])
        }
        bench.give(
            .heard([
                AlertBench.episode("press-1", 0, metric: "temperature"), AlertBench.episode("press-1", 0, metric: "x"),
                AlertBench.episode("lathe", 0, metric: "u"), AlertBench.episode("press-2", 0, metric: "u"),
            ]))
        bench.wait(3)
        #expect(
            Set(bench.deliverAll()) == [
                "press-1/temperature/1795359600000000/start", "press-2/u/1795359600000000/start",
            ])
        bench.give(.heard([AlertBench.episode("lathe", 0, 5, metric: "u")]))
        #expect(bench.deliverAll() == [])
    }

    @Test func everyTargetIsTold() {
        let targets = ["a", "b"].map { AlertTarget(id: $0, label: $0) }
        var bench = AlertBench.sender { $0.targets = targets }
        bench.give(.heard([AlertBench.episode("d", 0)]))
        bench.wait(3)
        bench.recordAll()
        #expect(bench.answerPosts().map(\.key.target) == ["a", "b"])
    }

    @Test func whatBeginsWhileItIsMutedIsWrittenDownAndNotTold() {
        var bench = AlertBench.sender()
        bench.give(.heard([AlertBench.episode("before", 0)]))
        bench.wait(3)
        _ = bench.deliverAll()
        let mute = Mute(
            scope: Mute.Scope(device: nil, metric: Metric(unchecked: "t")), since: bench.time,
            until: bench.time.advanced(byMicroseconds: 60_000_000), reason: "")
        #expect(bench.looks.last?.isFull == false)
        bench.answerLook { $0.mutes = [mute] }
        bench.give(.heard([AlertBench.episode("d", 3), AlertBench.episode("e", 3, metric: "u")]))
        bench.recordAll()
        bench.wait(3)
        #expect(bench.deliverAll() == ["e/u/1795359603000000/start"])
        let muted = bench.notes.filter { if case .muted = $0 { true } else { false } }
        #expect(muted.count == 1)
        // Whoever was told of a start is told of the end; whoever was not, is not.
        bench.give(.heard([AlertBench.episode("before", 0, 5), AlertBench.episode("d", 3, 5)]))
        #expect(bench.deliverAll() == ["before/t/1795359600000000/end"])
        // It runs out by itself.
        bench.wait(60)
        bench.give(.heard([AlertBench.episode("d", 65)]))
        bench.wait(3)
        #expect(bench.deliverAll() == ["d/t/1795359665000000/start"])
    }

    /// Between the answer to whoever muted and the next look lies less than an episode is held.
    @Test func aMuteThatComesWhileItIsHeldCounts() {
        var bench = AlertBench.sender()
        bench.give(.heard([AlertBench.episode("d", 0)]))
        bench.wait(1.5)
        bench.answerLook {
            $0.mutes = [Mute(scope: Mute.Scope(), since: .epoch, until: nil, reason: "")]
        }
        bench.wait(1)
        #expect(bench.deliverAll() == [])
        #expect(bench.core.limits.mutesEvery < bench.core.limits.holdBack)
    }

    @Test(
        arguments: [
            (nil, nil, true), ("d", nil, true), (nil, "t", true), ("d", "t", true), ("e", nil, false),
            ("d", "u", false),
        ] as [(String?, String?, Bool)])
    func mutesCoverWhatTheyName(device: String?, metric: String?, covers: Bool) {
        let scope = Mute.Scope(
            device: device.map(DeviceID.init(unchecked:)), metric: metric.map(Metric.init(unchecked:)))
        #expect(
            scope.covers(Series(device: DeviceID(unchecked: "d"), metric: Metric(unchecked: "t"))) == covers)
    }

    // MARK: Bounds

    @Test func memoryIsBounded() {
        var bench = AlertBench.sender {
            $0.limits.entriesMax = 100
            $0.limits.outboxMax = 50
            $0.limits.fleetDevicesMin = 1_000_000
        }
        for round in 0..<40 {
            bench.give(.heard((0..<20).map { AlertBench.episode("d\(round)-\($0)", Double(round) * 3) }))
            bench.wait(3)
            bench.recordAll()
        }
        #expect(bench.core.knownCount <= 120)
        #expect(bench.core.pendingCount <= 50)
        let gaveUp = bench.notes.filter { if case .gaveUp = $0 { true } else { false } }
        #expect(!gaveUp.isEmpty)
    }

    @Test func whatIsLongOverIsForgotten() {
        var bench = AlertBench.sender()
        bench.give(.heard([AlertBench.episode("d", 0, 1), AlertBench.episode("e", 0)]))
        bench.wait(3)
        _ = bench.deliverAll()
        bench.answerLook()
        bench.wait(3_600)
        bench.answerLook()
        #expect(bench.core.knownCount == 1)
    }
}
