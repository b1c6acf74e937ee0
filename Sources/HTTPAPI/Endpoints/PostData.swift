import HTTPTypes
import NIOCore
import Ports
import ReadingFormats
import Telemetry

/// `POST /data`: the way in. Checked in the contract's order: media type, size, syntax, items and their limits.
extension Handlers {
    func postData(_ call: Call) async throws -> Answer {
        let format = try Self.format(of: call.headers)
        let isPacked = try Self.isPacked(call.headers)
        if let announced = call.body.announcedCount, announced > HTTPLimits.bodyBytesMax { throw Problem.bodyTooLarge }
        call.continueIfExpected()
        let admitted = try await isPacked ? parsePacked(call, as: format) : parsePlain(call, as: format)
        do {
            try await node.accept(admitted.parsed.batch)
        } catch {
            throw Self.problem(of: error)
        }
        return answer(to: admitted, nil)
    }

    /// What the client is told once the node has decided.
    func answer(to admitted: AdmittedReadings, _ refusal: AcceptError?) -> Answer {
        if let refusal { return Answer(Self.problem(of: refusal)) }
        let parsed = admitted.parsed
        admitted.gate.admit(parsed.batch.series)
        if parsed.rejected > 0 { node.countRejected(parsed.rejected) }
        return Self.accepted(parsed)
    }

    // MARK: 415

    private static func format(of headers: HTTPFields) throws(Problem) -> BodyFormat {
        guard let type = headers[.contentType] else {
            throw Problem(kind: .mediaType, detail: "say Content-Type: application/json or application/x-ndjson")
        }
        if let format = MediaType.bodyFormat(type) { return format }
        throw Problem(kind: .mediaType, detail: "send application/json or application/x-ndjson")
    }

    // MARK: 413, 400

    private func parsePlain(_ call: Call, as format: BodyFormat) async throws -> AdmittedReadings {
        let body = try await wanted { try await call.body.collect() }
        return try body.withUnsafeReadableBytes { try parse($0, as: format, of: call.caller) }
    }

    private func parsePacked(_ call: Call, as format: BodyFormat) async throws -> AdmittedReadings {
        let unpacked = try await wanted {
            try await self.unpacked(call.body, bytesMax: HTTPLimits.bodyBytesMax, tooLarge: .bodyTooLarge)
        }
        return try unpacked.withUnsafeBytes { try parse($0, as: format, of: call.caller) }
    }

    /// A body that is read to its end, so that the connection lives on, and not looked into where there is no room for it.
    private func wanted<Body>(_ read: () async throws -> Body) async throws -> Body {
        let refusal: AcceptError
        do {
            let body = try await read()
            guard let reason = node.refusal(waited: 0) else { return body }
            refusal = reason
        }
        try? await Task.sleep(for: .milliseconds(HTTPLimits.busyPauseMilliseconds))
        throw Self.problem(of: refusal)
    }

    func parse(
        _ body: UnsafeRawBufferPointer, as format: BodyFormat, of caller: Caller
    ) throws(Problem) -> AdmittedReadings {
        let gate = AdmissionGate(admission, of: caller)
        do {
            let parsed = try parser.parse(
                body, as: format, receivedAt: node.receiptTime(), through: gate, stamp: node.receiptTime)
            return AdmittedReadings(parsed: parsed, gate: gate)
        } catch {
            throw problem(of: error, at: gate)
        }
    }

    private func problem(of error: BodyError, at gate: AdmissionGate) -> Problem {
        switch error {
        case .tooLarge:
            return .bodyTooLarge
        case .empty, .syntax:
            return .badRequest(error.description)
        case .nothingAcceptable(let parsed):
            if parsed.rejected > 0 { node.countRejected(parsed.rejected) }
            let items = parsed.errors.map(Problem.Item.init)
            return gate.problem(items: items) ?? .badRequest(error.description, items: items)
        }
    }

    // MARK: 202, 503

    private static func accepted(_ parsed: ParsedReadings) -> Answer {
        var json = JSONWriter(capacity: 96)
        json.object { json in
            json.key("status")
            json.value("Data accepted")
            json.key("accepted")
            json.value(parsed.batch.count)
            json.key("rejected")
            json.value(parsed.rejected)
            if !parsed.errors.isEmpty {
                json.key("errors")
                json.array(parsed.errors) { $0.write(Problem.Item($1)) }
            }
        }
        return Answer(.accepted, json: json)
    }

    static func problem(of error: AcceptError) -> Problem {
        switch error {
        case .logFull(let seconds):
            .retryLater(.logFull, "the store is behind and the ingest log full: send again later", seconds: seconds)
        case .draining:
            .retryLater(
                .draining, "this node is shutting down: send to another one", seconds: HTTPLimits.retryAfterSeconds)
        case .logFailed:
            .retryLater(
                .logFailed, "this node's disk failed: send to another one", seconds: HTTPLimits.retryAfterSeconds)
        }
    }
}

extension Problem.Item {
    init(_ error: ItemError) {
        self.init(index: error.index, field: error.field, reason: error.reason)
    }
}
