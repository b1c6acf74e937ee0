import Telemetry
import Testing

@testable import Detection

@Suite struct DeviceWatchBytesTests {
    static func watch(_ width: Int, seed: UInt64) throws -> (DeviceWatch, DeviceBench) {
        var bench = DeviceBench(width: width, seed: seed)
        let watch = try #require(
            bench.fit { bench in
                var row = bench.row(.walk)
                for channel in row.indices where channel % 3 == 0 {
                    row[channel] = SeriesKind.gaussian(&bench.generator)
                }
                if width > 4 { row[4] = 1 }
                return row
            })
        return (watch, bench)
    }

    @Test(arguments: [1, 2, 3, 8, 16], [1, 2] as [UInt64]) func theBytesAreTheState(width: Int, seed: UInt64) throws {
        var (watch, bench) = try Self.watch(width, seed: seed)
        for index in 0..<900 {
            let row = bench.row(.walk).map { value in
                index % 7 == 0 ? Double(bitPattern: bench.generator.next()) : value
            }
            if index % 50 == 0 { bench.time = Instant(microseconds: Int64(bitPattern: bench.generator.next())) }
            let found = watch.assess(row, at: bench.time)
            #expect(found.raw >= 0 && found.raw.isFinite)
            #expect((found.raw > 1) == (found.reason?.description.isEmpty == false))
            guard index % 30 == 0 else { continue }
            let bytes = watch.encoded()
            #expect(bytes.count <= DeviceWatch.encodedCountMax)
            var decoded = try #require(DeviceWatch(decoding: bytes, metrics: bench.metrics))
            #expect(decoded == watch)
            let (one, other) = (decoded.assess(row, at: bench.time), watch.finding(of: row, at: bench.time))
            #expect(one == other)
        }
    }

    @Test func theLargestStateIsTheLargest() throws {
        var bench = DeviceBench(width: DeviceWatch.metricsCountMax, seed: 1)
        let watch = try #require(bench.fit { $0.row(.gaussian) })
        let bytes = watch.encoded()
        #expect(bytes.count == DeviceWatch.encodedCountMax)
        #expect(DeviceWatch(decoding: bytes, metrics: bench.metrics) == watch)
    }

    @Test func theStateIsSmall() throws {
        #expect(DeviceWatch.encodedCountMax <= 4096)
        #expect(try Self.watch(8, seed: 1).0.encoded().count < 1024)
    }

    @Test(arguments: [1, 2, 3] as [UInt64]) func brokenBytesAreRefusedOrHarmless(seed: UInt64) throws {
        var (watch, bench) = try Self.watch(5, seed: seed)
        for _ in 0..<50 { _ = watch.assess(bench.row(.walk), at: bench.time) }
        let bytes = watch.encoded()
        for count in 0..<bytes.count {
            #expect(DeviceWatch(decoding: bytes.prefix(count), metrics: bench.metrics) == nil)
        }
        #expect(DeviceWatch(decoding: bytes + [0], metrics: bench.metrics) == nil)
        #expect(DeviceWatch(decoding: bytes, metrics: Array(bench.metrics.dropLast())) == nil)
        #expect(DeviceWatch(decoding: bytes, metrics: []) == nil)
        for _ in 0..<2000 {
            var broken = bytes
            for _ in 0...bench.generator.draw(below: 8) {
                broken[bench.generator.draw(below: broken.count)] = UInt8(truncatingIfNeeded: bench.generator.next())
            }
            guard var other = DeviceWatch(decoding: broken, metrics: bench.metrics) else { continue }
            for _ in 0..<5 {
                let found = other.assess(bench.row(.walk), at: bench.time)
                #expect(found.raw >= 0 && found.raw.isFinite)
            }
            #expect(DeviceWatch(decoding: other.encoded(), metrics: bench.metrics) != nil)
        }
    }
}
