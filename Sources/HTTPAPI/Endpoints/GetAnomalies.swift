import HTTPTypes
import Ports
import Telemetry

/// `GET /anomalies`: episodes, newest first.
extension Handlers {
    func getAnomalies(_ call: Call) async throws -> Answer {
        let parameters = try call.query()
        let from = try parameters.instant("from") ?? .epoch
        let to = try parameters.instant("to") ?? max(from, latestMoment)
        guard from <= to else { throw Problem.badParameter("from", "is later than to") }
        let query = AnomalyQuery(
            from: from, to: to, device: try parameters.device(), metric: try parameters.metric(),
            limit: try parameters.integer("limit", in: 1...HTTPLimits.anomaliesMax) ?? HTTPLimits.anomaliesDefault)
        let episodes: [AnomalyEpisode]
        do {
            episodes = try await node.anomalies(query)
        } catch {
            throw problem(of: error)
        }
        var json = JSONWriter(capacity: 256 + episodes.count * 320)
        json.array(episodes) { $0.write($1) }
        return Answer(json: json, headers: [.cacheControl: "no-store"])
    }
}

extension JSONWriter {
    mutating func write(_ episode: AnomalyEpisode) {
        object { json in
            json.key("id")
            json.value(episode.id)
            json.key("kind")
            json.value(episode.kind.rawValue)
            json.key("device_id")
            json.value(episode.series.device.text)
            json.key("type")
            json.value(episode.series.metric.text)
            json.key("start")
            json.value(episode.start)
            json.key("peak")
            json.value(episode.peak)
            json.key("end")
            json.value(episode.end)
            json.key("score")
            json.value(episode.score)
            json.key("value")
            json.value(episode.value)
            json.key("reason")
            json.value(episode.reason)
            json.key("model")
            json.value(episode.model.description)
        }
    }
}
