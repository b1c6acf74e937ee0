import Detection
import Telemetry
import Testing

@Suite struct ModelRegistryTests {
    static func reading(_ index: Int, metric: String = "temperature") -> Reading {
        Reading(
            series: Series(
                device: DeviceID(unchecked: "device-\(index % 3)"), metric: Metric(unchecked: metric)),
            time: Instant(microseconds: Int64(index)), value: Double(index % 10))
    }

    @Test func theReadingThatCompletesTheSetIsToldOnce() throws {
        var registry = ModelRegistry()
        let metric = Metric(unchecked: "temperature")
        var completing: [Int] = []
        for index in 0..<300 {
            if registry.observe(Self.reading(index)) { completing.append(index) }
            if index == 200 { #expect(registry.metricsToTrain.isEmpty) }
        }
        #expect(completing == [DetectorTrainer.readingsCount - 1])
        #expect(registry.model(for: metric) == nil)
        #expect(registry.metricsToTrain.map(\.metric) == [metric])
        let trainer = try #require(registry.trainer(for: metric))
        #expect(trainer.isReady)

        let detector = trainer.train(name: "temperature", version: 1, seed: 1)
        let isActive = registry.activate(.detector(detector), for: metric)
        #expect(isActive)
        #expect(registry.model(for: metric) == .detector(detector))
        #expect(registry.trainer(for: metric) == nil)
        #expect(registry.metricsToTrain.isEmpty)
        let isCompleting = registry.observe(Self.reading(300))
        #expect(!isCompleting)

        let next = trainer.train(name: "temperature", version: 2, seed: 2)
        registry.activate(.detector(next), for: metric)
        #expect(registry.model(for: metric)?.id.version == 2)
    }

    @Test func metricsBeyondTheLimitStayLearning() {
        var registry = ModelRegistry()
        for index in 0..<ModelRegistry.metricsCountMax {
            _ = registry.observe(Self.reading(0, metric: "m\(index)"))
        }
        #expect(registry.metricsCount == ModelRegistry.metricsCountMax)
        let completing = (0..<300).count { registry.observe(Self.reading($0, metric: "one more")) }
        #expect(completing == 0)
        let extra = Metric(unchecked: "one more")
        let detector = DetectorTrainer().train(name: "one more", version: 1, seed: 1)
        let isActive = registry.activate(.detector(detector), for: extra)
        #expect(!isActive)
        #expect(registry.model(for: extra) == nil)
        #expect(registry.metricsCount == ModelRegistry.metricsCountMax)
        let isKnownActive = registry.activate(.detector(detector), for: Metric(unchecked: "m5"))
        #expect(isKnownActive)
    }

    @Test func metricsAreListedInOrder() {
        var registry = ModelRegistry()
        for name in ["b", "c", "a"] {
            registry.activate(
                .detector(DetectorTrainer().train(name: name, version: 1, seed: 1)), for: Metric(unchecked: name))
        }
        _ = registry.observe(Self.reading(0, metric: "0"))
        #expect(registry.activeMetrics.map(\.text) == ["a", "b", "c"])
    }
}
