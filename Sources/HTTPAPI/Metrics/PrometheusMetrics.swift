package import CoreMetrics
import Synchronization

/// A swift-metrics backend that keeps everything in this process and renders it for Prometheus.
///
/// Names: what Prometheus does not take becomes `_`; counters end in `_total`, timers in `_seconds`.
package final class PrometheusMetrics: MetricsFactory, Sendable {
    /// Seconds; from a request that was answered from memory to one that waited for a store.
    package static let durationBuckets = [
        0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
    ]
    /// Sizes and counts, of whatever unit.
    package static let sizeBuckets = [1.0, 10, 100, 1_000, 10_000, 100_000, 1_000_000]
    /// Series of one family. More would be a label that should not be one: those are counted nowhere.
    package static let seriesCountMax = 1_000

    private struct Family {
        let kind: PrometheusText.Kind
        var series: [String: any PrometheusSeries] = [:]
    }

    private let families = Mutex<[String: Family]>([:])
    private let help: [String: String]

    /// - Parameter help: what a family's name stands for.
    package init(help: [String: String] = [:]) {
        self.help = help
    }

    package func render(into text: inout PrometheusText) {
        let families = families.withLock { $0 }
        for (name, family) in families.sorted(by: { $0.key < $1.key }) where !family.series.isEmpty {
            text.family(name, family.kind, help: help[name] ?? name.split(separator: "_").joined(separator: " "))
            for (labels, series) in family.series.sorted(by: { $0.key < $1.key }) {
                series.render(into: &text, name: name, labels: labels)
            }
        }
    }

    /// The series of that name and those labels; a new one, seen by nobody, if the name is of another kind.
    private func series<Series: PrometheusSeries>(
        _ name: String, _ dimensions: [(String, String)], _ kind: PrometheusText.Kind, _ make: () -> Series
    ) -> Series {
        let labels = PrometheusText.labels(dimensions)
        return families.withLock { families in
            var family = families[name] ?? Family(kind: kind)
            if let known = family.series[labels] as? Series { return known }
            let new = make()
            guard family.kind == kind, family.series.count < Self.seriesCountMax else { return new }
            family.series[labels] = new
            families[name] = family
            return new
        }
    }

    private func forget(_ handler: AnyObject) {
        families.withLock { families in
            for (name, family) in families {
                families[name]?.series = family.series.filter { $0.value !== handler }
            }
        }
    }

    private static func name(_ label: String, ending suffix: String = "") -> String {
        let name = PrometheusText.sanitized(label)
        return name.hasSuffix(suffix) ? name : name + suffix
    }

    // MARK: MetricsFactory

    package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        series(Self.name(label, ending: "_total"), dimensions, .counter) { PrometheusCounter() }
    }

    package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        series(Self.name(label), dimensions, .gauge) { PrometheusGauge() }
    }

    package func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        if aggregate {
            series(Self.name(label), dimensions, .histogram) { PrometheusHistogram(bounds: Self.sizeBuckets) }
        } else {
            series(Self.name(label), dimensions, .gauge) { PrometheusGauge() }
        }
    }

    package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        series(Self.name(label, ending: "_seconds"), dimensions, .histogram) {
            PrometheusHistogram(bounds: Self.durationBuckets)
        }
    }

    package func destroyCounter(_ handler: any CounterHandler) { forget(handler) }
    package func destroyMeter(_ handler: any MeterHandler) { forget(handler) }
    package func destroyRecorder(_ handler: any RecorderHandler) { forget(handler) }
    package func destroyTimer(_ handler: any TimerHandler) { forget(handler) }
}

private protocol PrometheusSeries: AnyObject, Sendable {
    func render(into text: inout PrometheusText, name: String, labels: String)
}

private final class PrometheusCounter: CounterHandler, PrometheusSeries {
    private let count = Atomic<Int64>(0)

    func increment(by amount: Int64) { count.wrappingAdd(max(0, amount), ordering: .relaxed) }
    func reset() { count.store(0, ordering: .relaxed) }

    func render(into text: inout PrometheusText, name: String, labels: String) {
        text.sample(name, labels: labels, Double(count.load(ordering: .relaxed)))
    }
}

private final class PrometheusGauge: MeterHandler, RecorderHandler, PrometheusSeries {
    private let value = Mutex(0.0)

    func set(_ value: Int64) { set(Double(value)) }
    func set(_ value: Double) { self.value.withLock { $0 = value } }
    func increment(by amount: Double) { value.withLock { $0 += amount } }
    func decrement(by amount: Double) { value.withLock { $0 -= amount } }
    func record(_ value: Int64) { set(Double(value)) }
    func record(_ value: Double) { set(value) }

    func render(into text: inout PrometheusText, name: String, labels: String) {
        text.sample(name, labels: labels, value.withLock { $0 })
    }
}

private final class PrometheusHistogram: RecorderHandler, TimerHandler, PrometheusSeries {
    private struct Counts {
        var buckets: [UInt64]
        var sum = 0.0
        var count: UInt64 = 0
    }

    private let bounds: [Double]
    private let counts: Mutex<Counts>

    init(bounds: [Double]) {
        self.bounds = bounds
        counts = Mutex(Counts(buckets: [UInt64](repeating: 0, count: bounds.count)))
    }

    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }
    func record(_ value: Int64) { record(Double(value)) }

    func record(_ value: Double) {
        guard value.isFinite else { return }
        let bucket = bounds.firstIndex { value <= $0 }
        counts.withLock { counts in
            if let bucket { counts.buckets[bucket] += 1 }
            counts.sum += value
            counts.count += 1
        }
    }

    func render(into text: inout PrometheusText, name: String, labels: String) {
        let counts = counts.withLock { $0 }
        let prefix = labels.isEmpty ? "" : labels + ","
        var below: UInt64 = 0
        for (bound, bucket) in zip(bounds, counts.buckets) {
            below += bucket
            text.sample(
                name + "_bucket", labels: prefix + "le=\"\(PrometheusText.text(of: bound))\"", Double(below))
        }
        text.sample(name + "_bucket", labels: prefix + "le=\"+Inf\"", Double(counts.count))
        text.sample(name + "_sum", labels: labels, counts.sum)
        text.sample(name + "_count", labels: labels, Double(counts.count))
    }
}
