import HTTPTypes
import Hummingbird

/// An answer that says what went wrong and what to do next: RFC 9457 (`application/problem+json`).
///
/// Handlers throw it. Its texts are ours; what a client sent never becomes part of one, names of parameters aside,
/// which leave through the JSON writer like everything else.
struct Problem: Error, Sendable {
    /// One item that was refused, of several.
    struct Item: Sendable {
        /// Message or line from 0; nil for a query parameter.
        var index: Int?
        let field: String
        let reason: String
    }

    enum Kind: String, Sendable {
        case badRequest = "bad-request"
        case unauthorized
        case forbidden
        case notFound = "not-found"
        case conflict
        case methodNotAllowed = "method-not-allowed"
        case requestTimeout = "request-timeout"
        case tooLarge = "body-too-large"
        case mediaType = "unsupported-media-type"
        case headersTooLarge = "headers-too-large"
        case internalError = "internal-error"
        case logFull = "log-full"
        case logFailed = "log-failed"
        case draining = "draining"
        case storeUnavailable = "store-unavailable"
        case notReady = "not-ready"
        case streamsFull = "streams-full"
        case tooManyReadings = "too-many-readings"
        case tooManySeries = "too-many-series"

        var status: HTTPResponse.Status {
            switch self {
            case .badRequest: .badRequest
            case .unauthorized: .unauthorized
            case .forbidden: .forbidden
            case .notFound: .notFound
            case .conflict: .conflict
            case .methodNotAllowed: .methodNotAllowed
            case .requestTimeout: .requestTimeout
            case .tooLarge: .contentTooLarge
            case .mediaType: .unsupportedMediaType
            case .headersTooLarge: .requestHeaderFieldsTooLarge
            case .internalError: .internalServerError
            case .tooManyReadings, .tooManySeries: .tooManyRequests
            case .logFull, .logFailed, .draining, .storeUnavailable, .notReady, .streamsFull: .serviceUnavailable
            }
        }

        var title: String {
            switch self {
            case .badRequest: "Bad request"
            case .unauthorized: "Key needed"
            case .forbidden: "Not allowed"
            case .notFound: "Not found"
            case .conflict: "Conflict"
            case .methodNotAllowed: "Method not allowed"
            case .requestTimeout: "Request timed out"
            case .tooLarge: "Body too large"
            case .mediaType: "Unsupported media type"
            case .headersTooLarge: "Headers too large"
            case .internalError: "Internal error"
            case .logFull: "Ingest log full"
            case .logFailed: "Ingest log failed"
            case .draining: "Shutting down"
            case .storeUnavailable: "Store unavailable"
            case .notReady: "Not ready"
            case .streamsFull: "Too many streams"
            case .tooManyReadings: "Too many readings"
            case .tooManySeries: "Too many series"
            }
        }
    }

    let kind: Kind
    let detail: String
    var items: [Item] = []
    var headers = HTTPFields()

    static func badRequest(_ detail: String, items: [Item] = []) -> Problem {
        Problem(kind: .badRequest, detail: detail, items: items)
    }

    static func badParameter(_ name: String, _ reason: String) -> Problem {
        Problem(
            kind: .badRequest, detail: "query parameter \(name) \(reason)",
            items: [Item(index: nil, field: name, reason: reason)])
    }

    static func notFound(_ detail: String) -> Problem {
        Problem(kind: .notFound, detail: detail)
    }

    static func retryLater(_ kind: Kind, _ detail: String, seconds: Int) -> Problem {
        Problem(kind: kind, detail: detail, headers: [.retryAfter: String(max(1, seconds))])
    }

    var body: ByteBuffer {
        var json = JSONWriter()
        json.object { json in
            json.key("type")
            json.value("urn:starling:problem:" + kind.rawValue)
            json.key("title")
            json.value(kind.title)
            json.key("status")
            json.value(kind.status.code)
            json.key("detail")
            json.value(detail)
            if !items.isEmpty {
                json.key("errors")
                json.array(items) { $0.write($1) }
            }
        }
        return json.buffer
    }

    var response: Response {
        var headers = headers
        headers[.contentType] = "application/problem+json"
        headers[.cacheControl] = "no-store"
        return Response(status: kind.status, headers: headers, body: ResponseBody(byteBuffer: body))
    }
}

extension JSONWriter {
    mutating func write(_ item: Problem.Item) {
        object { json in
            if let index = item.index {
                json.key("index")
                json.value(index)
            }
            json.key("field")
            json.value(item.field)
            json.key("reason")
            json.value(item.reason)
        }
    }
}
