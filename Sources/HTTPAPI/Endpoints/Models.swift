import Foundation
import HTTPTypes
import NIOCore
import Ports
import Telemetry

/// `/models` and what is below it: the registry of models.
extension Handlers {
    /// Of all metrics the newest version and those that serve; of one, with `/models/{type}`, all versions.
    func getModels(_ call: Call) async throws -> Answer {
        let versions = try await asking { () async throws(StoreError) in
            try await node.modelVersions(of: nil, limit: HTTPLimits.modelVersionsMax)
        }
        var seen: Set<Metric> = []
        let shown = versions.filter { $0.role != .none || seen.insert($0.metric).inserted }
        var json = JSONWriter(capacity: 64 + shown.count * 200)
        json.array(shown) { $0.write($1) }
        return Answer(json: json, headers: [.cacheControl: "no-store"])
    }

    /// One version (the active one unless `version` names another) with its document, and a list of all.
    func getModel(_ call: Call) async throws -> Answer {
        let metric = try Self.metric(of: call)
        let version = try call.query().integer("version", in: 1...Int(UInt32.max)).map { UInt32($0) }
        let versions = try await asking { () async throws(StoreError) in
            try await node.modelVersions(of: metric, limit: HTTPLimits.modelVersionsMax)
        }
        let row = try await asking { () async throws(StoreError) in
            try await node.model(of: metric, version: version)
        }
        guard let row else {
            throw Problem.notFound("this type has no such model: /models lists those there are")
        }
        var json = JSONWriter(capacity: 1_024 + row.document.count)
        json.object { json in
            json.writeMembers(of: row.version)
            json.key("versions")
            json.array(versions) { $0.write($1) }
            json.key("document")
            json.value(json: row.document)
        }
        return Answer(json: json, headers: [.cacheControl: "no-store"])
    }

    /// Registers a document as the next version; `activate=true` lets it serve if it does not raise the alarm rate.
    func putModel(_ call: Call) async throws -> Answer {
        let metric = try Self.metric(of: call)
        let isToServe = try call.query().flag("activate")
        let body = try await document(call)
        let report = try await registering { () async throws(ModelRefusal) in
            try await node.register(body, for: metric, isToServe: isToServe)
        }
        var json = JSONWriter()
        json.write(report)
        return Answer(.created, json: json, headers: [.cacheControl: "no-store"])
    }

    /// `POST /models/{type}/train`; `activate=false` only registers what was trained.
    func postTrain(_ call: Call) async throws -> Answer {
        let metric = try Self.metric(of: call)
        let query = try call.query()
        let isToServe = query.text("activate") == nil ? true : try query.flag("activate")
        let report = try await registering { () async throws(ModelRefusal) in
            try await node.train(metric, isToServe: isToServe)
        }
        var json = JSONWriter()
        json.write(report)
        return Answer(json: json, headers: [.cacheControl: "no-store"])
    }

    /// `POST /models/{type}/activate` with the version that serves from now on.
    func postActivate(_ call: Call) async throws -> Answer {
        let metric = try Self.metric(of: call)
        let body = try VersionBody(try await smallBody(call))
        guard let version = body.version else { throw VersionBody.missing }
        return try await changed { () async throws(ModelRefusal) in
            try await node.give(.active, to: version, of: metric)
        }
    }

    /// `POST /models/{type}/shadow` with the version that is tried beside the active one; null ends that.
    func postShadow(_ call: Call) async throws -> Answer {
        let metric = try Self.metric(of: call)
        if let version = try VersionBody(try await smallBody(call)).version {
            return try await changed { () async throws(ModelRefusal) in
                try await node.give(.shadow, to: version, of: metric)
            }
        }
        let versions = try await asking { () async throws(StoreError) in
            try await node.modelVersions(of: metric, limit: HTTPLimits.modelVersionsMax)
        }
        guard let shadow = versions.first(where: { $0.role == .shadow }) else {
            throw Problem.notFound("no model of this type is in the shadow")
        }
        return try await changed { () async throws(ModelRefusal) in
            try await node.give(.none, to: shadow.model.version, of: metric)
        }
    }

    /// `GET /models/{type}/shadow`: what the version in the shadow says of readings, the newest first.
    func getShadow(_ call: Call) async throws -> Answer {
        let metric = try Self.metric(of: call)
        let limit =
            try call.query().integer("limit", in: 1...HTTPLimits.shadowScoresMax) ?? HTTPLimits.shadowScoresDefault
        let scores = try await asking { () async throws(StoreError) in
            try await node.shadowScores(of: metric, limit: limit)
        }
        guard let scores else { throw Problem.notFound("no model of this type is in the shadow") }
        var json = JSONWriter(capacity: 64 + scores.count * 160)
        json.array(scores) { $0.write($1) }
        return Answer(json: json, headers: [.cacheControl: "no-store"])
    }

    func postRollback(_ call: Call) async throws -> Answer {
        let metric = try Self.metric(of: call)
        return try await changed { () async throws(ModelRefusal) in try await node.rollBack(metric) }
    }

    private func changed(_ change: () async throws(ModelRefusal) -> ModelVersion) async throws -> Answer {
        let version = try await registering(change)
        var json = JSONWriter()
        json.write(version)
        return Answer(json: json, headers: [.cacheControl: "no-store"])
    }

    // MARK: In

    /// The path's type, decoded here and nowhere else.
    private static func metric(of call: Call) throws(Problem) -> Metric {
        guard let text = PercentCoding.decode(call.parameter, plusIsSpace: false) else {
            throw .badRequest("the type in the path is not percent-encoded UTF-8")
        }
        guard let metric = Metric(text) else {
            throw .badRequest("a type is 1 to \(Metric.utf8CountMax) bytes without control characters")
        }
        return metric
    }

    /// A model document, or the answer of `GET /models/{type}` with one in it.
    private func document(_ call: Call) async throws -> [UInt8] {
        let body = try await jsonBody(call, bytesMax: HTTPLimits.bodyBytesMax)
        let data = Data(body.readableBytesView)
        if let object = try? JSONSerialization.jsonObject(with: data) as? [String: Any], object["format"] == nil,
            let inner = object["document"], let bytes = try? JSONSerialization.data(withJSONObject: inner)
        {
            return [UInt8](bytes)
        }
        return [UInt8](data)
    }

    private func smallBody(_ call: Call) async throws -> ByteBuffer {
        try await jsonBody(call, bytesMax: HTTPLimits.versionBodyBytesMax)
    }

    // MARK: What refusals mean outside

    private func asking<Found>(_ call: () async throws(StoreError) -> Found) async throws(Problem) -> Found {
        do throws(StoreError) { return try await call() } catch { throw problem(of: error) }
    }

    private func registering<Found>(_ call: () async throws(ModelRefusal) -> Found) async throws(Problem) -> Found {
        do throws(ModelRefusal) { return try await call() } catch { throw problem(of: error) }
    }

    private func problem(of refusal: ModelRefusal) -> Problem {
        switch refusal {
        case .notFound(let reason): .notFound(reason)
        case .badDocument(let reason): .badRequest("the model document cannot be used: \(reason)")
        case .conflict(let reason): Problem(kind: .conflict, detail: reason)
        case .store(let error): problem(of: error)
        }
    }
}

/// The body `{"version":3}`.
private struct VersionBody {
    /// Nil for null.
    let version: UInt32?

    static let missing = Problem.badRequest(
        "say which version, such as {\"version\":3}: /models/{type} lists them",
        items: [Problem.Item(index: nil, field: "version", reason: "must be a whole number from 1")])

    init(_ body: ByteBuffer) throws(Problem) {
        do {
            version = try JSONDecoder().decode(Members.self, from: Data(body.readableBytesView)).version
        } catch {
            throw Self.missing
        }
        if version == 0 { throw Self.missing }
    }

    private struct Members: Decodable {
        let version: UInt32?

        enum CodingKeys: CodingKey { case version }

        init(from decoder: any Decoder) throws {
            // A member that is missing is no null.
            let container = try decoder.container(keyedBy: CodingKeys.self)
            version = try container.decode(UInt32?.self, forKey: .version)
        }
    }
}

extension JSONWriter {
    fileprivate mutating func write(_ version: ModelVersion) {
        object { $0.writeMembers(of: version) }
    }

    fileprivate mutating func writeMembers(of version: ModelVersion) {
        key("type")
        value(version.metric.text)
        key("model")
        value(version.model.description)
        key("version")
        value(version.model.version)
        key("active")
        value(version.role == .active)
        key("shadow")
        value(version.role == .shadow)
        key("trained_at")
        value(version.trainedAt)
        key("readings")
        value(version.readings)
        key("alarm_rate")
        value(version.alarmRate)
    }

    fileprivate mutating func write(_ score: ShadowScore) {
        object { json in
            json.key("device_id")
            json.value(score.reading.series.device.text)
            json.key("timestamp")
            json.value(score.reading.time)
            json.key("value")
            json.value(score.reading.value)
            json.key("score")
            json.value(score.score)
            json.key("result")
            json.value(score.score > 0.5 ? ScoreResult.anomaly.name : ScoreResult.normal.name)
            json.key("model")
            json.value(score.model.description)
        }
    }

    fileprivate mutating func write(_ report: TrainingReport) {
        object { json in
            json.writeMembers(of: report.version)
            json.key("activated")
            json.value(report.isServing)
            json.key("reason")
            json.value(report.reason)
            json.key("series")
            json.value(report.series)
            json.key("held_back")
            json.value(report.heldBack)
            json.key("alarm_rate_before")
            json.value(report.alarmRateBefore)
        }
    }
}
