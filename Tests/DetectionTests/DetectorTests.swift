import Detection
import Telemetry
import Testing

@Suite struct DetectorTests {
    static let seeds: [UInt64] = [1, 2, 3, 4]

    @Test(arguments: SeriesKind.allCases) func cleanSeriesAreRarelyFlagged(kind: SeriesKind) {
        var scored = 0
        var flagged = 0
        for seed in Self.seeds {
            var generator = SeededGenerator(seed: seed)
            var bench = DetectorBench()
            let result = bench.flagged(kind.values(count: 3256, generator: &generator), kind: kind)
            scored += result.scored
            flagged += result.flagged.count
        }
        #expect(scored == 3000 * Self.seeds.count)
        #expect(Double(flagged) <= 0.001 * Double(scored), "\(flagged) of \(scored)")
    }

    @Test(arguments: SeriesKind.allCases) func mixedDevicesAtTheirOwnLevelsAreRarelyFlagged(kind: SeriesKind) {
        var generator = SeededGenerator(seed: 5)
        let devices = 16
        let columns = (0..<devices).map { device in
            kind.values(count: 250, generator: &generator).map { $0 + Double(device % 5) * 2 }
        }
        var bench = DetectorBench()
        var scored = 0
        var flagged = 0
        for index in 0..<250 {
            for device in 0..<devices {
                let value = columns[device][index]
                guard let score = bench.feed(value, device: device, afterSeconds: kind.intervalSeconds) else {
                    continue
                }
                scored += 1
                if Detector.result(score: score) == .anomaly { flagged += 1 }
            }
        }
        #expect(scored == 250 * devices - 256)
        #expect(Double(flagged) <= 0.001 * Double(scored), "\(flagged) of \(scored)")
    }

    @Test(arguments: SeriesKind.allCases) func spikesOfEightDeviationsAreFlagged(kind: SeriesKind) {
        var (spikes, found) = (0, 0)
        for seed in Self.seeds {
            var generator = SeededGenerator(seed: seed)
            var values = kind.values(count: 2000, generator: &generator)
            let places = Array(stride(from: 400, to: 2000, by: 50))
            for (number, place) in places.enumerated() {
                values[place] += (number.isMultiple(of: 2) ? 8 : -8) * kind.deviation
            }
            var bench = DetectorBench()
            let flagged = Set(bench.flagged(values, kind: kind).flagged)
            spikes += places.count
            found += places.count { flagged.contains($0) }
            let others = flagged.subtracting(places.flatMap { $0...($0 + 1) })
            #expect(others.count <= 4, "seed \(seed): \(others.sorted())")
        }
        #expect(Double(found) >= 0.97 * Double(spikes), "\(found) of \(spikes)")
    }

    @Test(arguments: SeriesKind.allCases) func levelShiftsOfSixDeviationsAreFlaggedAndAccepted(kind: SeriesKind) {
        var (shifts, found) = (0, 0)
        for seed in Self.seeds {
            var generator = SeededGenerator(seed: seed)
            let places = Array(stride(from: 600, to: 2000, by: 350))
            var values = kind.values(count: 2100, generator: &generator)
            for (number, place) in places.enumerated() where number.isMultiple(of: 2) {
                for index in place..<min(place + 350, values.count) { values[index] += 6 * kind.deviation }
            }
            var bench = DetectorBench()
            let flagged = bench.flagged(values, kind: kind).flagged
            for place in places {
                shifts += 1
                if flagged.contains(where: { place..<(place + 5) ~= $0 }) { found += 1 }
                let late = flagged.count { (place + 60)..<(place + 340) ~= $0 }
                #expect(late <= 2, "seed \(seed), shift at \(place): flagged \(late) times after it should be accepted")
            }
        }
        #expect(Double(found) >= 0.9 * Double(shifts), "\(found) of \(shifts)")
    }

    @Test func aNewDeviceAtAnotherLevelIsNoAlarm() throws {
        var generator = SeededGenerator(seed: 9)
        var bench = DetectorBench()
        for index in 0..<400 { _ = bench.feed(21 + 0.3 * SeriesKind.gaussian(&generator), device: index % 4) }
        for _ in 0..<40 {
            let score = try bench.score(26 + 0.3 * SeriesKind.gaussian(&generator), device: 99)
            #expect(score < 0.5)
        }
    }

    @Test func aNewDeviceFarOutsideOfTheMetricsWorldAlarmsUntilItIsAccepted() throws {
        var generator = SeededGenerator(seed: 10)
        var bench = DetectorBench()
        for index in 0..<400 { _ = bench.feed(21 + 0.3 * SeriesKind.gaussian(&generator), device: index % 4) }
        var results: [ScoreResult] = []
        for _ in 0..<60 {
            let score = try bench.score(1000 + 0.3 * SeriesKind.gaussian(&generator), device: 99)
            results.append(Detector.result(score: score))
        }
        #expect(results.first == .anomaly)
        #expect(results.prefix(10).allSatisfy { $0 == .anomaly })
        #expect(results.dropFirst(12).allSatisfy { $0 == .normal })
    }

    @Test func oneForeignReadingLeavesAYoungSeriesAsItWas() throws {
        var bench = DetectorBench()
        for index in 0..<400 { _ = bench.feed(21 + Double(index % 7) * 0.1, device: index % 4) }
        _ = bench.feed(21.2, device: 99)
        let foreign = try bench.score(-1000, device: 99)
        #expect(foreign > 0.5)
        for index in 0..<30 {
            let score = try bench.score(21 + Double(index % 7) * 0.1, device: 99)
            #expect(score < 0.5)
        }
    }

    @Test func anomaliesAmongTheTrainingReadingsDoNotHideLaterOnes() throws {
        var generator = SeededGenerator(seed: 11)
        var bench = DetectorBench()
        for index in 0..<256 {
            let spike = index % 25 == 24 ? 30.0 : 0
            _ = bench.feed(21 + 0.3 * SeriesKind.gaussian(&generator) + spike, device: index % 4)
        }
        for _ in 0..<200 { _ = bench.feed(21 + 0.3 * SeriesKind.gaussian(&generator), device: 0) }
        let score = try bench.score(21 + 30, device: 0)
        #expect(score > 0.5)
    }

    @Test func aLateReadingIsScoredAndMovesNothing() throws {
        var generator = SeededGenerator(seed: 12)
        var bench = DetectorBench()
        for value in SeriesKind.gaussian.values(count: 400, generator: &generator) { _ = bench.feed(value) }
        let detector = try #require(bench.detector)
        let state = try #require(bench.states[0])
        let early = DetectorBench.start
        #expect(detector.score(20, at: early, frozen: state) < 0.5)
        #expect(detector.score(60, at: early, frozen: state) > 0.5)
        var moved = state
        let time = try #require(bench.times[0]).advanced(byMicroseconds: 1_000_000)
        #expect(detector.score(20.5, at: time, state: &moved) == detector.score(20.5, at: time, frozen: state))
        #expect(moved != state)
    }

    @Test(arguments: [Double.nan, .infinity, -.infinity]) func whatIsNotFiniteIsFarBeyondTheLine(value: Double) throws {
        var bench = DetectorBench()
        for index in 0..<300 { _ = bench.feed(Double(index % 10)) }
        let before = bench.states[0]
        let score = try bench.score(value)
        #expect(score > 0.9 && score < 1)
        #expect(bench.states[0] == before)
    }

    /// Any values at any times: scores stay within 0 and 1 and nothing traps.
    @Test(arguments: [1, 2, 3] as [UInt64]) func wildReadingsScoreWithinZeroAndOne(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var trainer = DetectorTrainer()
        var state = DetectorState()
        var detector: Detector?
        for _ in 0..<3000 {
            let value = Double(bitPattern: generator.next())
            let time = Instant(microseconds: Int64(bitPattern: generator.next()))
            guard let detector else {
                state.learn(value, at: time)
                trainer.append(value, at: time, series: DetectorBench.series(generator.draw(below: 5)))
                if trainer.isReady { detector = trainer.train(name: "wild", version: 1, seed: seed) }
                continue
            }
            let score = detector.score(value, at: time, state: &state)
            #expect(score >= 0 && score <= 1)
            #expect(DetectorState(decoding: state.encoded()) == state)
        }
        #expect(detector != nil)
    }

    @Test func theLineItselfIsNormal() {
        #expect(Detector.result(score: 0.5) == .normal)
        #expect(Detector.result(score: 0.5.nextUp) == .anomaly)
        #expect(Detector.result(score: 0) == .normal)
        #expect(Detector.result(score: 1) == .anomaly)
    }

    @Test func theVerdictNamesTheModel() throws {
        let detector = DetectorTrainer().train(name: "humidity", version: 3, seed: 1)
        let found = Detector.Assessment(score: 0.75, reason: .foreign)
        let verdict = Model.detector(detector).verdict(found, isLate: true)
        let expected = Verdict(
            result: .anomaly, score: 0.75, model: ModelID(name: "humidity", version: 3), isLate: true,
            reason: "far outside of what this metric shows")
        #expect(verdict == expected)
        #expect(verdict.confidence == 0.5)
    }

    @Test func aDetectorWithoutTrainingReadingsNeverAlarms() {
        let detector = DetectorTrainer().train(name: "empty", version: 1, seed: 1)
        var state = DetectorState()
        let score = detector.score(1e9, at: .epoch, state: &state)
        #expect(score == 0)
    }

    @Test func theSameReadingsAndSeedTrainTheSameDetector() {
        func train(seed: UInt64) -> Detector {
            var generator = SeededGenerator(seed: 20)
            var trainer = DetectorTrainer()
            for index in 0..<300 {
                trainer.append(
                    SeriesKind.gaussian(&generator), at: Instant(microseconds: Int64(index)),
                    series: DetectorBench.series(index % 3))
            }
            #expect(trainer.count == DetectorTrainer.readingsCount)
            return trainer.train(name: "m", version: 1, seed: seed)
        }
        #expect(train(seed: 1) == train(seed: 1))
        #expect(train(seed: 1) != train(seed: 2))
    }
}
