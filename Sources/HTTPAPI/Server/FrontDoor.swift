import HTTPTypes
package import Hummingbird
import Logging
import NIOCore
import ReadingFormats

/// What Hummingbird makes for each request.
package struct ConnectionContext: InitializableFromSource, Sendable {
    let channel: any Channel
    let logger: Logger

    package init(source: ApplicationRequestContextSource) {
        channel = source.channel
        logger = source.logger
    }
}

/// One request, taken apart.
struct Call: Sendable {
    let method: HTTPRequest.Method
    let headers: HTTPFields
    var caller = Caller.anybody
    /// The part of the path that varies, still percent-encoded.
    let parameter: Substring
    let queryText: Substring
    let body: RequestBodyReader
    let channel: any Channel

    func query() throws(Problem) -> Query { try Query(queryText) }

    /// Tells a client that waits for it to go on and send the body.
    func continueIfExpected() {
        guard headers[.expect] != nil else { return }
        channel.triggerUserOutboundEvent(ConnectionGuard.Continue(), promise: nil)
    }
}

/// What every request passes on its way in and out: its id, its key, its route, errors as problems, gzip, `HEAD`,
/// metrics, and the rest of a body that nobody wanted.
///
/// One type rather than a stack of middleware: `POST /data` is measured in microseconds.
package struct FrontDoor: HTTPResponder {
    let handlers: Handlers
    let gatekeeper: Gatekeeper
    let origins: Origins
    let connections: ConnectionCount
    let metrics: HTTPMetrics
    let ids: RequestIDs
    let logger: Logger

    package func respond(to request: Request, context: ConnectionContext) async throws -> Response {
        let start = ContinuousClock.now
        let target = RequestTarget(request.head.path ?? "/")
        let match = RouteMatch(path: target.path)
        let id = ids.id(for: request.headers)
        var call = Call(
            method: request.method, headers: request.headers, parameter: match?.parameter ?? "",
            queryText: target.query, body: RequestBodyReader(request), channel: context.channel)

        var answer: Answer
        do {
            answer = try await self.answer(to: &call, at: match?.route, authority: request.head.authority)
        } catch let problem as Problem {
            answer = Answer(problem)
        } catch let failure as RequestBodyReader.Failure {
            throw failure.underlying
        } catch {
            logger.error(
                "a request failed for a reason nobody foresaw",
                metadata: [
                    "request_id": "\(id)", "route": "\(match?.route.template ?? "none")", "error": "\(error)",
                ])
            answer = Answer(.unforeseen(id: id))
        }
        answer.headers[.requestID] = id
        origins.mark(&answer, to: call.headers)
        metrics.count(
            route: match?.route, method: call.method, status: answer.status, duration: ContinuousClock.now - start)
        return response(answer, to: call)
    }

    /// Who asks comes before what is asked for: strangers learn nothing.
    private func answer(to call: inout Call, at route: Route?, authority: String?) async throws -> Answer {
        call.body.isOfStranger = gatekeeper.keys != nil
        if let answer = origins.preflight(call.method, call.headers) { return answer }
        do {
            call.caller = try gatekeeper.caller(call.method, route, call.headers)
        } catch {
            if error.kind == .unauthorized, Gatekeeper.showsKey(call.headers[.authorization]) {
                try? await Task.sleep(for: .milliseconds(HTTPLimits.wrongKeyPauseMilliseconds))
            }
            let isPerson =
                MediaType.preferred(of: [MediaType.json, "text/html"], by: call.headers[.accept]) == "text/html"
            guard route == .dashboard, isPerson, call.method == .get || call.method == .head else { throw error }
            return handlers.signInPage(error.kind.status, Handlers.signInMessage, call)
        }
        if case .holder = call.caller { call.body.isOfStranger = false }
        if route != .data, origins.isForeign(host: authority) { throw Problem.foreignHost }
        if origins.isForged(
            call.method, call.headers, isPage: call.caller.isPage || route == .session, authority: authority)
        {
            throw Problem.crossOrigin
        }
        return try await self.answer(to: call, at: route)
    }

    private func answer(to call: Call, at route: Route?) async throws -> Answer {
        guard let route else { throw Problem.notFound("no such path: /openapi.json lists those there are") }
        if route == .data, call.method == .post { return try await handlers.postData(call) }
        guard route.methods.contains(call.method) else {
            if call.method == .options { return Answer(.noContent, headers: [.allow: route.allow]) }
            throw Problem(
                kind: .methodNotAllowed, detail: "this path takes \(route.allow)", headers: [.allow: route.allow])
        }
        switch route {
        case .data: return try await handlers.postData(call)
        case .latest: return try await handlers.getLatest(call)
        case .history: return try await handlers.getHistory(call)
        case .anomalies: return try await handlers.getAnomalies(call)
        case .devices: return try await handlers.getDevices(call)
        case .device where call.method == .delete: return try await handlers.deleteDevice(call)
        case .device: return try await handlers.getDevice(call)
        case .restore: return try await handlers.postRestore(call)
        case .audit: return try await handlers.getAudit(call)
        case .prune: return try await handlers.getPrune(call)
        case .approve: return try await handlers.postApprove(call)
        case .models: return try await handlers.getModels(call)
        case .model where call.method == .put: return try await handlers.putModel(call)
        case .model: return try await handlers.getModel(call)
        case .trainModel: return try await handlers.postTrain(call)
        case .activateModel: return try await handlers.postActivate(call)
        case .shadowModel where call.method != .post: return try await handlers.getShadow(call)
        case .shadowModel: return try await handlers.postShadow(call)
        case .rollBackModel: return try await handlers.postRollback(call)
        case .mute where call.method == .delete: return try await handlers.deleteMute(call)
        case .mute: return try await handlers.postMute(call)
        case .mutes: return try await handlers.getMutes(call)
        case .stream: return try handlers.getStream(call)
        case .cluster: return try await handlers.getCluster(call)
        case .health: return handlers.getHealth()
        case .livez: return handlers.getLiveness()
        case .readyz: return try handlers.getReadiness()
        case .metrics: return await handlers.getMetrics()
        case .openAPI: return try handlers.getOpenAPI(call)
        case .session where call.method == .post: return try await handlers.postSession(call)
        case .session where call.method == .delete: return handlers.deleteSession(call)
        case .session: return handlers.getSession(call)
        case .dashboard: return try handlers.getDashboard(call)
        case .asset: return try handlers.getAsset(call)
        }
    }

    // MARK: Out

    private func response(_ answer: Answer, to call: Call) -> Response {
        var headers = answer.headers
        if answer.status != .accepted { headers[.xContentTypeOptions] = "nosniff" }
        let body: ResponseBody
        switch answer.body {
        case .empty:
            body = ResponseBody()
        case .buffer(let whole):
            let buffer = answer.isPackable ? packed(whole, for: call, headers: &headers) : whole
            headers[.contentLength] = String(buffer.readableBytes)
            body = call.method == .head ? ResponseBody() : ResponseBody(byteBuffer: buffer)
        case .stream(let write):
            let packs = answer.isPackable && mayPack(for: call, headers: &headers)
            body = call.method == .head ? .nothing : stream(write, packs: packs)
        }
        if !call.body.isAtEnd {
            headers[.connection] = "close"
            return Response(status: answer.status, headers: headers, body: body.discardingRest(of: call))
        }
        return Response(status: answer.status, headers: headers, body: body)
    }

    private func packed(_ buffer: ByteBuffer, for call: Call, headers: inout HTTPFields) -> ByteBuffer {
        guard buffer.readableBytes >= HTTPLimits.gzipBytesMin else { return buffer }
        headers.append(HTTPField(name: .vary, value: "Accept-Encoding"))
        guard MediaType.acceptsGzip(call.headers[.acceptEncoding]) else { return buffer }
        headers[.contentEncoding] = "gzip"
        return GzipEncoder.packed(buffer)
    }

    private func mayPack(for call: Call, headers: inout HTTPFields) -> Bool {
        headers.append(HTTPField(name: .vary, value: "Accept-Encoding"))
        guard MediaType.acceptsGzip(call.headers[.acceptEncoding]) else { return false }
        headers[.contentEncoding] = "gzip"
        return true
    }

    private func stream(
        _ write: @escaping @Sendable @concurrent (inout AnswerStream) async throws -> Void, packs: Bool
    ) -> ResponseBody {
        ResponseBody { writer in
            var stream = AnswerStream(to: writer, gzip: packs ? GzipEncoder() : nil)
            try await write(&stream)
            try await stream.finish()
        }
    }
}

extension ResponseBody {
    /// No body and no length either: the head of an answer that would be streamed.
    static let nothing = ResponseBody { writer in try await writer.finish(nil) }

    /// Answers first, then reads what the client still sends, then closes: a client that reads only after it sent all
    /// would otherwise see a reset instead of the answer.
    func discardingRest(of call: Call) -> ResponseBody {
        let body = self
        return ResponseBody(contentLength: contentLength) { writer in
            try await body.write(writer)
            await call.body.discard(on: call.channel)
            call.channel.close(promise: nil)
        }
    }
}

extension Problem {
    static func unforeseen(id: String) -> Problem {
        Problem(kind: .internalError, detail: "the node's log has the reason under request id \(id)")
    }
}
