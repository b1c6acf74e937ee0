import CoreMetrics
import HTTPTypes
import Synchronization

/// Counts requests by route and status, and how long they took by route: a handful of series, none of a device.
final class HTTPMetrics: Sendable {
    private struct Key: Hashable {
        let route: Route?
        let method: Method
        let status: Int
    }

    /// A client may invent methods; the labels may not.
    private enum Method: Int {
        case get, head, post, put, delete, options, patch, other

        init(_ method: HTTPRequest.Method) {
            switch method {
            case .get: self = .get
            case .head: self = .head
            case .post: self = .post
            case .put: self = .put
            case .delete: self = .delete
            case .options: self = .options
            case .patch: self = .patch
            default: self = .other
            }
        }

        var label: String {
            switch self {
            case .get: "GET"
            case .head: "HEAD"
            case .post: "POST"
            case .put: "PUT"
            case .delete: "DELETE"
            case .options: "OPTIONS"
            case .patch: "PATCH"
            case .other: "other"
            }
        }
    }

    private struct Handlers: Sendable {
        let count: Counter
        let duration: Timer
    }

    /// The handlers of what was seen: one look-up a request instead of labels made anew.
    private let known = Mutex<[Key: Handlers]>([:])
    private let factory: any MetricsFactory

    /// What the taking of readings is watched by is there from the start, with 0: the first refusal is a change, too.
    private static let watched = [HTTPResponse.Status.accepted, .serviceUnavailable]

    init(factory: any MetricsFactory) {
        self.factory = factory
        for status in Self.watched { _ = handlers(Key(route: .data, method: .post, status: status.code)) }
    }

    static let help = [
        "starling_http_requests_total": "Requests answered, by route, method and status.",
        "starling_http_request_duration_seconds": "Time from a request's head to its answer, by route and method.",
    ]

    func count(route: Route?, method: HTTPRequest.Method, status: HTTPResponse.Status, duration: Duration) {
        let handlers = handlers(Key(route: route, method: Method(method), status: status.code))
        handlers.count.increment()
        let (seconds, attoseconds) = duration.components
        handlers.duration.recordNanoseconds(seconds &* 1_000_000_000 &+ attoseconds / 1_000_000_000)
    }

    private func handlers(_ key: Key) -> Handlers {
        known.withLock { known in
            if let handlers = known[key] { return handlers }
            let handlers = make(key)
            known[key] = handlers
            return handlers
        }
    }

    private func make(_ key: Key) -> Handlers {
        let labels = [("route", key.route?.template ?? "none"), ("method", key.method.label)]
        return Handlers(
            count: Counter(
                label: "starling_http_requests", dimensions: labels + [("status", String(key.status))],
                factory: factory),
            duration: Timer(label: "starling_http_request_duration", dimensions: labels, factory: factory))
    }
}
