import Foundation
import HTTPTypes
import NIOCore
import Ports
import Telemetry

/// `/mute` and `/mutes`: what nobody is told of for a while.
extension Handlers {
    func postMute(_ call: Call) async throws -> Answer {
        guard let type = call.headers[.contentType], MediaType.isEssence(MediaType.json, of: type),
            call.headers[.contentEncoding].map({ MediaType.isEssence("identity", of: $0) }) ?? true
        else { throw Problem(kind: .mediaType, detail: "send application/json, not packed") }
        let request = try MuteRequest(try await muteBody(call))
        let mute: Mute?
        do {
            mute = try await node.mute(request.scope, for: request.length, reason: request.reason)
        } catch {
            throw problem(of: error)
        }
        guard let mute else { throw Problem.badRequest("there are \(Mute.countMax) mutes already: lift some") }
        var json = JSONWriter()
        json.write(mute)
        return Answer(json: json, headers: [.cacheControl: "no-store"])
    }

    private func muteBody(_ call: Call) async throws -> ByteBuffer {
        let tooLarge = Problem(kind: .tooLarge, detail: "a mute has at most \(HTTPLimits.muteBodyBytesMax >> 10) KiB")
        return try await wholeBody(call, bytesMax: HTTPLimits.muteBodyBytesMax, tooLarge: tooLarge)
    }

    /// `DELETE /mute?device_id=&type=`: the mute of exactly this scope.
    func deleteMute(_ call: Call) async throws -> Answer {
        let query = try call.query()
        let scope = Mute.Scope(device: try query.device(), metric: try query.metric())
        let existed: Bool
        do {
            existed = try await node.unmute(scope)
        } catch {
            throw problem(of: error)
        }
        guard existed else { throw Problem.notFound("nothing is muted so: /mutes lists what is") }
        return Answer(.noContent)
    }

    func getMutes(_ call: Call) async throws -> Answer {
        let mutes: [Mute]
        do {
            mutes = try await node.mutes()
        } catch {
            throw problem(of: error)
        }
        var json = JSONWriter(capacity: 64 + mutes.count * 160)
        json.array(mutes) { $0.write($1) }
        return Answer(json: json, headers: [.cacheControl: "no-store"])
    }
}

/// The body of `POST /mute`. A member that is unknown is an error: a misspelt `device_id` would mute everything.
private struct MuteRequest {
    var scope = Mute.Scope()
    var length: Int64?
    var reason = ""

    init(_ body: ByteBuffer) throws(Problem) {
        guard let object = try? JSONSerialization.jsonObject(with: Data(body.readableBytesView)) as? [String: Any]
        else { throw .badRequest("send an object such as {\"device_id\":\"press-7\",\"for\":\"1h\"}") }
        for (name, value) in object.sorted(by: { $0.key < $1.key }) where !(value is NSNull) {
            guard let text = value as? String else { throw Self.bad(name, "is no text") }
            switch name {
            case "device_id":
                guard let device = DeviceID(text) else {
                    throw Self.bad(name, "must be 1 to \(DeviceID.utf8CountMax) bytes without control characters")
                }
                scope.device = device
            case "type":
                guard let metric = Metric(text) else {
                    throw Self.bad(name, "must be 1 to \(Metric.utf8CountMax) bytes without control characters")
                }
                scope.metric = metric
            case "for":
                guard let length = Mute.length(text) else {
                    throw Self.bad(name, "must be a duration such as 90s, 15m, 1h or 7d")
                }
                self.length = length
            case "reason":
                guard text.utf8.count <= Mute.reasonBytesMax else {
                    throw Self.bad(name, "is longer than \(Mute.reasonBytesMax) bytes")
                }
                reason = text
            default: throw Self.bad(name, "is unknown: device_id, type, for and reason are not")
            }
        }
    }

    private static func bad(_ name: String, _ reason: String) -> Problem {
        .badRequest("a member of the body \(reason)", items: [Problem.Item(index: nil, field: name, reason: reason)])
    }
}

extension JSONWriter {
    fileprivate mutating func write(_ mute: Mute) {
        object { json in
            json.key("device_id")
            json.value(mute.scope.device?.text)
            json.key("type")
            json.value(mute.scope.metric?.text)
            json.key("since")
            json.value(mute.since)
            json.key("until")
            json.value(mute.until)
            json.key("reason")
            json.value(mute.reason)
        }
    }
}
