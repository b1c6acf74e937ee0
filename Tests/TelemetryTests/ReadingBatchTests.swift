import Telemetry
import Testing

struct ReadingBatchTests {
    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func aBatchGivesItsReadingsBack(seed: UInt64) {
        let readings = Self.readings(seed: seed)
        let batch = ReadingBatch(receivedAt: .epoch, readings: readings)
        #expect(batch.count == readings.count)
        #expect((0..<batch.count).map { batch[$0] } == readings)
        #expect(Self.hasTidySeries(batch))
    }

    /// A slice is the batch of those readings, in series and numbers too.
    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func everySliceIsTheBatchOfItsReadings(seed: UInt64) {
        let readings = Self.readings(seed: seed)
        let receivedAt = Instant(microseconds: 42)
        let batch = ReadingBatch(receivedAt: receivedAt, readings: readings)
        for start in 0...readings.count {
            for end in start...readings.count {
                let slice = batch.slice(start..<end)
                #expect(slice == ReadingBatch(receivedAt: receivedAt, readings: Array(readings[start..<end])))
            }
        }
    }

    @Test func anEmptyBatchIsEmpty() {
        let batch = ReadingBatch(receivedAt: .epoch, readings: [])
        #expect(batch.isEmpty)
        #expect(batch.series.isEmpty)
        #expect(batch.slice(0..<0) == batch)
    }

    @Test func columnsOfDifferentLengthsAreAMistakeOfTheProgram() async {
        await #expect(processExitsWith: .failure) {
            _ = ReadingBatch(receivedAt: .epoch, series: [], seriesIndices: [], times: [.epoch], values: [])
        }
        await #expect(processExitsWith: .failure) {
            _ = ReadingBatch(receivedAt: .epoch, series: [], seriesIndices: [0], times: [.epoch], values: [1])
        }
    }

    /// The distinct series stand once, in the order in which readings first name them.
    private static func hasTidySeries(_ batch: ReadingBatch) -> Bool {
        var seen: [Series] = []
        for index in 0..<batch.count where !seen.contains(batch[index].series) { seen.append(batch[index].series) }
        return batch.series == seen
    }

    private static func readings(seed: UInt64) -> [Reading] {
        var generator = SeededGenerator(seed: seed)
        return (0..<generator.draw(below: 25)).map { _ in
            let series = Series(
                device: DeviceID(unchecked: "d\(generator.draw(below: 3))"),
                metric: Metric(unchecked: "m\(generator.draw(below: 3))"))
            let time = Instant(microseconds: Int64(generator.draw(below: 100)))
            return Reading(series: series, time: time, value: generator.drawUnit())
        }
    }
}
