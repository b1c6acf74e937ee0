/// One measured value. Its identity is (series, time, value): the same again is the same reading.
package struct Reading: Hashable, Sendable {
    package let series: Series
    package let time: Instant
    /// Finite; never −0.
    package let value: Double

    package init(series: Series, time: Instant, value: Double) {
        self.series = series
        self.time = time
        self.value = value
    }
}

/// Readings that were received together, as columns: `series[seriesIndices[i]]`, `times[i]`, `values[i]` are reading i.
///
/// Columns because every later stage walks one of them: the log copies them, the ring looks at each series once, the
/// store binds them. The distinct series stand once, in order of first appearance.
package struct ReadingBatch: Hashable, Sendable {
    /// When the node that accepted them received them, by its wall clock.
    package let receivedAt: Instant
    package let series: [Series]
    package let seriesIndices: [UInt32]
    package let times: [Instant]
    package let values: [Double]

    /// - Precondition: the three columns are equally long and every index is within `series`. Decoders check first.
    package init(
        receivedAt: Instant, series: [Series], seriesIndices: [UInt32], times: [Instant], values: [Double]
    ) {
        precondition(
            seriesIndices.count == times.count && times.count == values.count,
            "columns of \(seriesIndices.count), \(times.count), \(values.count) readings")
        precondition(seriesIndices.allSatisfy { $0 < series.count }, "a series index beyond \(series.count) series")
        self.receivedAt = receivedAt
        self.series = series
        self.seriesIndices = seriesIndices
        self.times = times
        self.values = values
    }

    /// For tests and small callers; the parser fills the columns itself.
    package init(receivedAt: Instant, readings: [Reading]) {
        var builder = Builder(receivedAt: receivedAt)
        for reading in readings { builder.append(reading) }
        self = builder.build()
    }

    package var count: Int { times.count }
    package var isEmpty: Bool { times.isEmpty }

    package subscript(index: Int) -> Reading {
        Reading(series: series[Int(seriesIndices[index])], time: times[index], value: values[index])
    }

    /// The readings of `range`, with only the series they use.
    package func slice(_ range: Range<Int>) -> ReadingBatch {
        if range == 0..<count { return self }
        var builder = Builder(receivedAt: receivedAt)
        var renumbered = [UInt32](repeating: .max, count: series.count)
        for index in range {
            let old = Int(seriesIndices[index])
            if renumbered[old] == .max { renumbered[old] = builder.add(series[old]) }
            builder.append(series: renumbered[old], time: times[index], value: values[index])
        }
        return builder.build()
    }
}

extension ReadingBatch {
    /// Fills the columns one reading at a time.
    package struct Builder: Sendable {
        package let receivedAt: Instant
        package private(set) var series: [Series] = []
        private var seriesIndices: [UInt32] = []
        private var times: [Instant] = []
        private var values: [Double] = []
        private var known: [Series: UInt32] = [:]

        package init(receivedAt: Instant) {
            self.receivedAt = receivedAt
        }

        package var count: Int { times.count }

        /// The index of `series` in this batch, added on first sight.
        package mutating func index(of series: Series) -> UInt32 {
            if let index = known[series] { return index }
            let index = add(series)
            known[series] = index
            return index
        }

        /// Adds a series that the caller knows to be new here.
        package mutating func add(_ series: Series) -> UInt32 {
            self.series.append(series)
            return UInt32(self.series.count - 1)
        }

        package mutating func append(series index: UInt32, time: Instant, value: Double) {
            seriesIndices.append(index)
            times.append(time)
            values.append(value)
        }

        package mutating func append(_ reading: Reading) {
            append(series: index(of: reading.series), time: reading.time, value: reading.value)
        }

        package consuming func build() -> ReadingBatch {
            ReadingBatch(
                receivedAt: receivedAt, series: series, seriesIndices: seriesIndices, times: times, values: values)
        }
    }
}
