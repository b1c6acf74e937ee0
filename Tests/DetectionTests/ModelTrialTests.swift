import Detection
import Telemetry
import Testing

@Suite struct ModelTrialTests {
    static let id = ModelID(name: "temperature", version: 2)

    static func sample(_ number: Int, count: Int = 400, seed: UInt64 = 1, spread: Double = 1) -> ModelTrial.Sample {
        var generator = SeededGenerator(seed: seed &+ UInt64(number))
        let start = DetectorBench.start
        return ModelTrial.Sample(
            series: DetectorBench.series(number),
            times: (0..<count).map { start.advanced(byMicroseconds: Int64($0) * 60_000_000) },
            values: (0..<count).map { _ in 20 + Double(number) + spread * SeriesKind.gaussian(&generator) })
    }

    @Test func aCandidateOfTheSameWorldIsAccepted() throws {
        let samples = (0..<16).map { Self.sample($0) }
        let first = try #require(
            ModelTrial(training: samples, id: ModelID(name: "temperature", version: 1), serving: nil, seed: 1))
        #expect(first.isAccepted && first.alarmsBefore == nil && first.heldBack == 1_600)
        let second = try #require(ModelTrial(training: samples, id: Self.id, serving: first.candidate, seed: 2))
        #expect(second.candidate.id == Self.id)
        #expect(second.candidate.readingsCount == 16 * 300)
        #expect(second.isAccepted)
        #expect(second == ModelTrial(training: samples, id: Self.id, serving: first.candidate, seed: 2))
    }

    /// A forest that was grown from other values calls these anomalies.
    @Test func whatRaisesTheAlarmRateIsRefused() throws {
        let samples = (0..<8).map { Self.sample($0) }
        let serving = try #require(ModelTrial(training: samples, id: Self.id, serving: nil, seed: 1)).candidate
        let elsewhere = IsolationForest(
            fit: (0..<512).map { Double($0 % 32) / 1_000 }, features: 1, trees: 50, sampleCount: 128, seed: 1)
        let forest = try #require(ForestModel(id: Self.id, forest: elsewhere, readingsCount: 512))
        let trial = ModelTrial(trying: .forest(forest), on: samples, serving: serving)
        #expect(!trial.isAccepted)
        #expect(trial.alarms == trial.heldBack)
        #expect(try #require(trial.alarmsAllowed) < 5)
    }

    @Test func tooFewReadingsMakeNoCandidate() {
        #expect(ModelTrial(training: [], id: Self.id, serving: nil, seed: 1) == nil)
        #expect(ModelTrial(training: [Self.sample(0, count: 300)], id: Self.id, serving: nil, seed: 1) == nil)
        #expect(ModelTrial(training: [Self.sample(0, count: 342)], id: Self.id, serving: nil, seed: 1) != nil)
    }

    /// A forest's line is at 0.5, its order is its own, and its ends stay.
    @Test func aForestIsBentToTheCommonLine() throws {
        var generator = SeededGenerator(seed: 3)
        let values = (0..<1_000).map { _ in SeriesKind.gaussian(&generator) }
        let forest = IsolationForest(fit: values, features: 1, trees: 100, sampleCount: 256, seed: 1).withOffset(-0.6)
        let model = Model.forest(try #require(ForestModel(id: Self.id, forest: forest, readingsCount: 1_000)))
        var state = DetectorState()
        var anomalies = 0
        for value in values + [50, -50] {
            let found = model.assess(value, at: .epoch, state: &state)
            let isOutlier = forest.score([value]) - forest.offset < 0
            #expect((found.score > 0.5) == isOutlier && (found.reason != nil) == isOutlier)
            #expect((0...1).contains(found.score))
            if isOutlier { anomalies += 1 }
            #expect(model.assess(value, at: .epoch, frozen: DetectorState()) == found, "it knows no state")
        }
        #expect((2..<200).contains(anomalies))
        #expect(model.assess(.nan, at: .epoch, frozen: state).reason == .notFinite)
        #expect(ForestModel(id: Self.id, forest: forest.withOffset(0), readingsCount: 1) == nil)
    }

    @Test func aMetricHasAShadowOnlyBesideAModel() throws {
        let metric = Metric(unchecked: "temperature")
        let model = try #require(ModelTrial(training: [Self.sample(0)], id: Self.id, serving: nil, seed: 1)).candidate
        var registry = ModelRegistry()
        registry.put(shadow: model, for: metric)
        #expect(registry.shadow(for: metric) == nil)
        registry.activate(model, for: metric)
        let next = model.renamed(ModelID(name: "temperature", version: 3))
        registry.put(shadow: next, for: metric)
        #expect(registry.shadow(for: metric)?.id.version == 3 && registry.model(for: metric) == model)
        let reading = Reading(series: DetectorBench.series(0), time: DetectorBench.start, value: 1e9)
        registry.scoreInShadow(reading, frozen: DetectorState())
        let scores = registry.takeShadowScores()
        #expect(scores.map(\.model.version) == [3] && scores.allSatisfy { $0.reading == reading && $0.score > 0.5 })
        #expect(registry.takeShadowScores().isEmpty)
        registry.putBack(scores)
        #expect(registry.takeShadowScores() == scores)
        registry.put(shadow: nil, for: metric)
        registry.scoreInShadow(reading, frozen: DetectorState())
        #expect(registry.takeShadowScores().isEmpty)
        #expect(registry.shadow(for: metric) == nil)
    }
}
