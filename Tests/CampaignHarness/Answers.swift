import Campaign
import Foundation
import NodeHarness
import Telemetry

/// What nodes answer, as facts.
enum Answers {
    private struct Device: Decodable {
        struct Value: Decodable {
            let type: String
            let value: Double
            let timestamp: String
        }

        let device_id: String
        let metrics: [Value]
    }

    static func latest(of node: NodeProcess) throws -> [Reading] {
        let answer = try node.get("/latest?all=true")
        guard answer.status == 200 else { throw HarnessError("/latest answered \(answer.status): \(answer.text)") }
        if let partial = answer.headers["x-starling-partial"] { throw HarnessError("/latest lacks \(partial)") }
        return try JSONDecoder().decode([Device].self, from: Data(answer.body)).flatMap { device in
            try device.metrics.map { value in
                guard let time = Instant(rfc3339: value.timestamp), let name = DeviceID(device.device_id),
                    let metric = Metric(value.type)
                else { throw HarnessError("no reading: \(device.device_id) \(value)") }
                return Reading(series: Series(device: name, metric: metric), time: time, value: value.value)
            }
        }
    }
}
