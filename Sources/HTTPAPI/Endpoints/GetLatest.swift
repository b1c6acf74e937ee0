import HTTPTypes
import NIOCore
import Ports
import Telemetry

/// `GET /latest`: the whole fleet, from any node, cheap to ask again while nothing changed.
extension Handlers {
    func getLatest(_ call: Call) async throws -> Answer {
        let parameters = try call.query()
        var query = LatestQuery()
        query.all = try parameters.flag("all")
        query.device = try parameters.device()
        query.metric = try parameters.metric()
        query.result = try parameters.result()
        query.limit = try parameters.integer("limit", in: 1...HTTPLimits.latestLimitMax)
        query.after = try parameters.device("after")

        let answer = await node.latest(query)
        let tag = entityTag(of: answer, for: call.queryText)
        var headers: HTTPFields = [.eTag: tag, .cacheControl: "no-cache"]
        if !answer.missing.isEmpty { headers[.partial] = Self.headerList(answer.missing) }
        if Self.matches(tag, call.headers[.ifNoneMatch]) { return Answer(.notModified, headers: headers) }

        let bytesPerDevice = 320
        var json = JSONWriter(capacity: 64 + answer.devices.count * bytesPerDevice)
        json.array(answer.devices) { $0.write($1) }
        return Answer(json: json, headers: headers)
    }

    /// Weak, because the same answer leaves packed and plain. The query belongs to it: caches tell answers apart by
    /// their address, but a client may compare tags of two. Nothing of this node does: behind a balancer the next
    /// request goes to another one.
    private func entityTag(of answer: LatestAnswer, for query: Substring) -> String {
        var hash = FNV1a()
        hash.combine(query.utf8)
        for name in answer.missing { hash.combine(name.utf8) }
        return "W/\"\(String(answer.revision, radix: 16))-\(String(hash.value, radix: 16))\""
    }

    /// `If-None-Match` by weak comparison (RFC 9110, 13.1.2).
    static func matches(_ tag: String, _ header: String?) -> Bool {
        guard let header else { return false }
        let opaque = opaqueTag(tag[...])
        return header.split(separator: ",").contains { candidate in
            let candidate = candidate.trimmingSpaces
            return candidate == "*" || opaqueTag(candidate) == opaque
        }
    }

    private static func opaqueTag(_ tag: Substring) -> Substring {
        tag.hasPrefix("W/") ? tag.dropFirst(2) : tag
    }

    /// Names of members as a header's value: what a header cannot hold becomes `?`.
    private static func headerList(_ names: [String]) -> String {
        names.map { name in
            String(name.unicodeScalars.map { (0x21...0x7E).contains($0.value) && $0 != "," ? Character($0) : "?" })
        }.joined(separator: ", ")
    }
}

extension Substring {
    var trimmingSpaces: Substring {
        var text = drop { $0 == " " || $0 == "\t" }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        return text
    }
}

extension JSONWriter {
    mutating func write(_ device: LatestDevice) {
        object { json in
            json.key("device_id")
            json.value(device.device.text)
            json.key("timestamp")
            json.value(device.time)
            json.key("status")
            json.value(device.isSilent ? "silent" : "online")
            json.key("metrics")
            json.array(device.metrics) { $0.write($1) }
        }
    }

    private mutating func write(_ metric: LatestMetric) {
        object { $0.writeMembers(of: metric) }
    }

    mutating func writeMembers(of metric: LatestMetric) {
        key("type")
        value(metric.metric.text)
        key("value")
        value(metric.value)
        key("result")
        value(metric.verdict.result.name)
        key("confidence")
        value(metric.verdict.confidence)
        key("score")
        value(metric.verdict.score)
        key("model")
        value(metric.verdict.model.description)
        key("timestamp")
        value(metric.time)
        key("silent")
        value(metric.isSilent)
        if let reason = metric.verdict.reason {
            key("reason")
            value(reason)
        }
        if let expected = metric.expected {
            key("expected")
            array([expected.lowerBound, expected.upperBound]) { $0.value($1) }
        }
    }
}
