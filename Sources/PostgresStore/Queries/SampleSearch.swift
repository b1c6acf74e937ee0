import Ports
import Telemetry

/// Readings of some series of a metric, drawn by the seed.
struct SampleSearch: Sendable {
    let query: SampleQuery

    func run(_ link: Link) throws(Failure) -> [SampledSeries] {
        let rows = try link.query(
            """
            WITH drawn AS MATERIALIZED (
                SELECT series.id, devices.name FROM series JOIN devices ON devices.id = series.device
                WHERE series.metric = $1 ORDER BY hashint8extended(series.id, $2), series.id LIMIT $3)
            SELECT drawn.name, newest.time, newest.value FROM drawn CROSS JOIN LATERAL (
                SELECT time, value FROM readings WHERE series = drawn.id
                ORDER BY time DESC, value DESC LIMIT $4) AS newest
            ORDER BY drawn.name, newest.time, newest.value
            """,
            [
                .text(query.metric.text), .int64(Int64(query.seed)), .int64(Int64(query.series)),
                .int64(Int64(query.readings)),
            ])
        var samples: [SampledSeries] = []
        for row in rows.indices {
            let name = rows.text(row, 0)
            if samples.last?.series.device.text != name {
                samples.append(SampledSeries(Series(device: DeviceID(unchecked: name), metric: query.metric)))
            }
            samples[samples.count - 1].append(rows.double(row, 2), at: rows.time(row, 1))
        }
        return samples
    }
}
