import Ports
import Telemetry

/// Readings of some series of a metric, drawn by the seed.
struct SampleSearch: Sendable {
    let query: SampleQuery

    func run(_ connection: Connection) throws(StoreError) -> [SampledSeries] {
        let select = try connection.prepare(
            """
            SELECT time, value FROM (
                SELECT time, value FROM readings WHERE series = ?1 ORDER BY time DESC, value DESC LIMIT ?2)
            ORDER BY time, value
            """)
        var samples: [SampledSeries] = []
        for (id, device) in try drawn(connection) {
            try select.bind(id, 1)
            try select.bind(Int64(query.readings), 2)
            var sample = SampledSeries(Series(device: device, metric: query.metric))
            while try select.step() {
                sample.append(select.double(1), at: Instant(microseconds: select.int64(0)))
            }
            select.reset()
            if !sample.values.isEmpty { samples.append(sample) }
        }
        return samples
    }

    /// By a multiplicative hash of the id (Knuth, "The Art of Computer Programming", 6.4), which a seed shifts.
    private func drawn(_ connection: Connection) throws(StoreError) -> [(Int64, DeviceID)] {
        let select = try connection.prepare(
            """
            SELECT series.id, devices.name FROM series JOIN devices ON devices.id = series.device
            WHERE series.metric = ?1 ORDER BY ((series.id + ?2) * 2654435761) % 4294967296, series.id LIMIT ?3
            """)
        try select.bind(query.metric.text, 1)
        try select.bind(Int64(query.seed), 2)
        try select.bind(Int64(query.series), 3)
        var found: [(Int64, DeviceID)] = []
        while try select.step() { found.append((select.int64(0), DeviceID(unchecked: select.text(1)))) }
        return found
    }
}
