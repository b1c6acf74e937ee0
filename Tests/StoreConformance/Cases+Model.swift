import Foundation
import Ports
import Telemetry
import Testing

extension ConformanceCase {
    static let models: [ConformanceCase] = [
        .init("the first model of a metric stays the first", firstModel),
        .init(stores: "of two nodes that train at once one wins", twoTrainers),
        .init("versions are added once, and serve once they have a role", versionsAndRoles),
        .init("a rollback goes to what was active before", rollback),
        .init("old versions are forgotten, but not what serves", oldVersions),
        .init(stores: "nodes that change roles at once leave one active model", twoChangers),
        .init("shadow scores are kept once, of known series, and go with their device", shadowScores),
        .init("a sample is drawn from all series of a metric, each with its newest readings", samples),
    ]

    private static func row(_ metric: String, _ version: UInt32 = 1, _ byte: UInt8 = 1, rate: Double? = nil) -> ModelRow
    {
        ModelRow(
            ModelVersion(
                metric: Metric(unchecked: metric), model: ModelID(name: metric, version: version),
                trainedAt: Make.time(Int64(version)), readings: 512, alarmRate: rate),
            document: [byte, 0, 255])
    }

    private static func active(_ row: ModelRow) -> ModelRow {
        var row = row
        row.version.role = .active
        return row
    }

    private static func firstModel(_ store: any Store) async throws {
        #expect(try await store.models().isEmpty)
        let before = try await store.modelsRevision()
        let first = active(row("humidity", 1, 1, rate: 0.25))
        #expect(try await store.insertOrLoad(first: row("humidity", 1, 1, rate: 0.25)) == first)
        let after = try await store.modelsRevision()
        #expect(after > before)
        #expect(try await store.insertOrLoad(first: row("humidity", 1, 2)) == first)
        #expect(try await store.modelsRevision() == after)
        let other = try await store.insertOrLoad(first: row("Humidity", 1, 3))
        #expect(try await store.models() == [other, first])
    }

    private static func twoTrainers(_ place: StorePlace) async throws {
        let one = try await place.prepared()
        let other = try await place.prepared()
        for number in 0..<20 {
            async let mine = one.insertOrLoad(first: row("m\(number)", 1, 1))
            async let theirs = other.insertOrLoad(first: row("m\(number)", 1, 2))
            let (a, b) = try await (mine, theirs)
            #expect(a == b)
        }
        #expect(try await one.models().count == 20)
        #expect(try await one.models() == other.models())
        await one.close()
        await other.close()
    }

    private static func roles(_ store: any Store, _ metric: String = "m") async throws -> [UInt32: ModelRole] {
        let versions = try await store.modelVersions(of: Metric(unchecked: metric), limit: 1_000)
        return Dictionary(uniqueKeysWithValues: versions.map { ($0.model.version, $0.role) })
    }

    private static func versionsAndRoles(_ store: any Store) async throws {
        let metric = Metric(unchecked: "m")
        _ = try await store.insertOrLoad(first: row("m"))
        #expect(try await store.add(row("m", 2, 7, rate: 0.001)))
        #expect(try await !store.add(row("m", 2, 8)), "that number is taken")
        #expect(try await store.add(row("m", 3)))
        #expect(try await store.model(of: metric, version: 2) == row("m", 2, 7, rate: 0.001))
        #expect(try await store.model(of: metric, version: 9) == nil)
        #expect(try await roles(store) == [1: .active, 2: .none, 3: .none])
        #expect(try await store.models().map(\.model.version) == [1])

        let before = try await store.modelsRevision()
        #expect(try await store.give(.shadow, to: 3, of: metric))
        #expect(try await store.give(.shadow, to: 2, of: metric), "there is one shadow")
        #expect(try await roles(store) == [1: .active, 2: .shadow, 3: .none])
        #expect(try await store.models().map(\.model.version) == [1, 2])
        #expect(try await store.servingVersions() == store.models().map(\.version))
        #expect(try await store.modelsRevision() > before)
        #expect(try await store.give(.active, to: 2, of: metric))
        #expect(try await roles(store) == [1: .none, 2: .active, 3: .none])
        #expect(try await !store.give(.none, to: 2, of: metric), "a metric keeps an active model")
        #expect(try await !store.give(.active, to: 9, of: metric))
        #expect(try await !store.give(.active, to: 1, of: Metric(unchecked: "other")))
        let same = try await store.modelsRevision()
        #expect(try await store.give(.active, to: 2, of: metric))
        #expect(try await store.modelsRevision() == same)

        _ = try await store.insertOrLoad(first: row("a"))
        let all = try await store.modelVersions(of: nil, limit: 10)
        #expect(all.map(\.metric.text) == ["a", "m", "m", "m"] && all.map(\.model.version) == [1, 3, 2, 1])
        #expect(all[2].alarmRate == 0.001 && all[1].alarmRate == nil)
        #expect(try await store.modelVersions(of: nil, limit: 2).count == 2)
    }

    private static func rollback(_ store: any Store) async throws {
        let metric = Metric(unchecked: "m")
        #expect(try await store.rollBack(metric) == nil)
        _ = try await store.insertOrLoad(first: row("m"))
        #expect(try await store.rollBack(metric) == nil)
        for version in 2...4 as ClosedRange<UInt32> { _ = try await store.add(row("m", version)) }
        _ = try await store.give(.active, to: 2, of: metric)
        _ = try await store.give(.active, to: 4, of: metric)
        #expect(try await store.rollBack(metric) == 2, "3 was never active")
        #expect(
            try await roles(store)
                == [1: .active, 2: .none, 3: .none, 4: .none].merging([1: .none, 2: .active]) { $1 })
        #expect(try await store.rollBack(metric) == 1)
        #expect(try await store.rollBack(metric) == nil)
        #expect(try await roles(store)[1] == .active)
    }

    private static func oldVersions(_ store: any Store) async throws {
        let metric = Metric(unchecked: "m")
        _ = try await store.insertOrLoad(first: row("m"))
        _ = try await store.add(row("m", 2))
        _ = try await store.give(.shadow, to: 2, of: metric)
        let last = UInt32(ModelVersion.keptMax + 10)
        for version in 3...last { _ = try await store.add(row("m", version)) }
        let kept = try await roles(store).keys.sorted()
        #expect(kept == [1, 2] + ((last - UInt32(ModelVersion.keptMax) + 1)...last))
    }

    private static func twoChangers(_ place: StorePlace) async throws {
        let one = try await place.prepared()
        let other = try await place.prepared()
        let metric = Metric(unchecked: "m")
        _ = try await one.insertOrLoad(first: row("m"))
        for version in 2...5 as ClosedRange<UInt32> { _ = try await one.add(row("m", version)) }
        for round in 0..<10 as Range<UInt32> {
            async let mine = one.give(.active, to: 2 + round % 3, of: metric)
            async let theirs = other.give(.shadow, to: 3 + round % 3, of: metric)
            async let back = other.rollBack(metric)
            _ = try await (mine, theirs, back)
            let roles = try await roles(one)
            #expect(roles.values.count { $0 == .active } == 1)
            #expect(roles.values.count { $0 == .shadow } <= 1)
        }
        await one.close()
        await other.close()
    }

    private static func shadowScores(_ store: any Store) async throws {
        let series = Make.series("d", "m")
        let other = Make.series("e", "m")
        let now = Instant(microseconds: Int64(Date().timeIntervalSince1970 * 1_000_000))
        let old = now.advanced(byMicroseconds: -2 * ShadowScore.keptFor)
        func score(_ series: Series, _ time: Instant, version: UInt32 = 2, _ score: Double = 0.75) -> ShadowScore {
            ShadowScore(
                Reading(series: series, time: time, value: 1.5), model: ModelID(name: "m", version: version),
                score: score)
        }
        try await store.append([Make.reading(series, 0), Make.reading(other, 0)])
        let times = (0..<10).map { now.advanced(byMicroseconds: -Int64($0) * 1_000_000) }
        let given =
            times.map { score(series, $0) } + [
                score(Make.series("nobody", "m"), now), score(series, old), score(series, now, version: 3),
                score(other, now, 0.25),
            ]
        for _ in 0..<2 { try await store.keep(given) }
        let metric = Metric(unchecked: "m")
        let found = try await store.shadowScores(of: metric, version: 2, limit: 100)
        #expect(found == [score(series, now), score(other, now, 0.25)] + times.dropFirst().map { score(series, $0) })
        #expect(try await store.shadowScores(of: metric, version: 2, limit: 3) == Array(found.prefix(3)))
        #expect(try await store.shadowScores(of: metric, version: 3, limit: 9) == [score(series, now, version: 3)])
        #expect(try await store.shadowScores(of: Metric(unchecked: "x"), version: 2, limit: 9) == [])
        _ = try await store.delete(series.device)
        #expect(try await store.shadowScores(of: metric, version: 2, limit: 9) == [score(other, now, 0.25)])
    }

    private static func samples(_ store: any Store) async throws {
        for number in 0..<20 {
            try await store.append(Make.readings(Make.series("d\(number)", "m"), 0..<30))
        }
        try await store.append(Make.readings(Make.series("d0", "other"), 0..<5))
        func draw(_ series: Int, _ readings: Int, seed: UInt32) async throws -> [SampledSeries] {
            try await store.sample(
                SampleQuery(metric: Metric(unchecked: "m"), series: series, readings: readings, seed: seed))
        }
        let all = try await draw(100, 10, seed: 1)
        #expect(Set(all.map(\.series)) == Set((0..<20).map { Make.series("d\($0)", "m") }))
        for one in all {
            #expect(one.times == (20..<30).map { Make.time($0) } && one.values == (20..<30).map(Double.init))
        }
        var drawn: [Series: Int] = [:]
        for seed in 0..<50 as Range<UInt32> {
            let some = try await draw(4, 2, seed: seed)
            #expect(some.count == 4 && some.allSatisfy { $0.values.count == 2 })
            #expect(try await draw(4, 2, seed: seed) == some)
            for one in some { drawn[one.series, default: 0] += 1 }
        }
        #expect(drawn.count == 20, "every series may be drawn")
        #expect(
            try await store.sample(SampleQuery(metric: Metric(unchecked: "x"), series: 5, readings: 5, seed: 1)) == [])
    }
}
