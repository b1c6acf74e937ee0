package import HTTPTypes

/// Every path there is and what may be done with it: routing, `405` with `Allow`, and the metrics' labels read it,
/// and a test holds it against `openapi.json`.
package enum Route: Int, CaseIterable, Sendable {
    case dashboard, asset, data, latest, history, anomalies, devices, device, restore, audit, prune, approve, mute
    case mutes, models, model, trainModel, activateModel, shadowModel, rollBackModel, stream
    case cluster, health, livez, readyz, metrics, openAPI, session

    /// The path, with the parts that vary in braces.
    package var template: String {
        switch self {
        case .dashboard: "/"
        case .asset: "/assets/{version}/{file}"
        case .data: "/data"
        case .latest: "/latest"
        case .history: "/history"
        case .anomalies: "/anomalies"
        case .devices: "/devices"
        case .device: "/devices/{device_id}"
        case .restore: "/devices/{device_id}/restore"
        case .audit: "/audit"
        case .prune: "/prune"
        case .approve: "/prune/approve"
        case .models: "/models"
        case .model: "/models/{type}"
        case .trainModel: "/models/{type}/train"
        case .activateModel: "/models/{type}/activate"
        case .shadowModel: "/models/{type}/shadow"
        case .rollBackModel: "/models/{type}/rollback"
        case .mute: "/mute"
        case .mutes: "/mutes"
        case .stream: "/stream"
        case .cluster: "/cluster"
        case .health: "/health"
        case .livez: "/livez"
        case .readyz: "/readyz"
        case .metrics: "/metrics"
        case .openAPI: "/openapi.json"
        case .session: "/session"
        }
    }

    /// In the order of `Allow`; every route that can be read answers `HEAD` too.
    package var methods: [HTTPRequest.Method] {
        switch self {
        case .data, .restore, .approve, .trainModel, .activateModel, .rollBackModel: [.post]
        case .shadowModel: [.get, .head, .post]
        case .model: [.get, .head, .put]
        case .mute: [.post, .delete]
        case .device: [.get, .head, .delete]
        case .session: [.get, .head, .post, .delete]
        default: [.get, .head]
        }
    }

    var allow: String {
        (methods + [.options]).map(\.rawValue).joined(separator: ", ")
    }
}

/// A route with the part of the path that varies, still percent-encoded: it is decoded once, by the handler.
struct RouteMatch {
    let route: Route
    var parameter: Substring = ""

    init(_ route: Route, parameter: Substring = "") {
        self.route = route
        self.parameter = parameter
    }

    /// - Parameter path: as it came, without the query.
    /// - Returns: nil for a path that is none of ours.
    init?(path: Substring) {
        switch path {
        case "/data": self.init(.data)
        case "/latest": self.init(.latest)
        case "/": self.init(.dashboard)
        case "/history": self.init(.history)
        case "/anomalies": self.init(.anomalies)
        case "/devices": self.init(.devices)
        case "/audit": self.init(.audit)
        case "/prune": self.init(.prune)
        case "/prune/approve": self.init(.approve)
        case "/models": self.init(.models)
        case "/mute": self.init(.mute)
        case "/mutes": self.init(.mutes)
        case "/stream": self.init(.stream)
        case "/cluster": self.init(.cluster)
        case "/health": self.init(.health)
        case "/livez": self.init(.livez)
        case "/readyz": self.init(.readyz)
        case "/metrics": self.init(.metrics)
        case "/openapi.json": self.init(.openAPI)
        case "/session": self.init(.session)
        default:
            if let parameter = Self.rest(of: path, after: "/devices/"), let match = Self.device(parameter) {
                self = match
            } else if let parameter = Self.rest(of: path, after: "/models/"), let match = Self.model(parameter) {
                self = match
            } else if let parameter = Self.rest(of: path, after: "/assets/") {
                self.init(.asset, parameter: parameter)
            } else {
                return nil
            }
        }
    }

    /// A `/` of the device's own is percent-encoded, so that one in the path ends it.
    private static func device(_ parameter: Substring) -> RouteMatch? {
        guard let slash = parameter.utf8.firstIndex(of: 0x2F) else { return RouteMatch(.device, parameter: parameter) }
        guard slash > parameter.startIndex, parameter[slash...] == "/restore" else { return nil }
        return RouteMatch(.restore, parameter: parameter[..<slash])
    }

    private static func model(_ parameter: Substring) -> RouteMatch? {
        guard let slash = parameter.utf8.firstIndex(of: 0x2F) else { return RouteMatch(.model, parameter: parameter) }
        guard slash > parameter.startIndex else { return nil }
        let type = parameter[..<slash]
        switch parameter[slash...] {
        case "/train": return RouteMatch(.trainModel, parameter: type)
        case "/activate": return RouteMatch(.activateModel, parameter: type)
        case "/shadow": return RouteMatch(.shadowModel, parameter: type)
        case "/rollback": return RouteMatch(.rollBackModel, parameter: type)
        default: return nil
        }
    }

    private static func rest(of path: Substring, after prefix: String) -> Substring? {
        guard path.utf8.starts(with: prefix.utf8), path.utf8.count > prefix.utf8.count else { return nil }
        return path[path.utf8.index(path.startIndex, offsetBy: prefix.utf8.count)...]
    }
}

/// A request's target taken apart: `/devices/a%2Fb?x=1` → path and query, nothing decoded.
struct RequestTarget {
    let path: Substring
    let query: Substring

    init(_ target: String) {
        var rest = target[...]
        if !rest.utf8.starts(with: "/".utf8) { rest = Self.withoutAuthority(rest) }
        if let fragment = rest.utf8.firstIndex(of: 0x23) { rest = rest[..<fragment] }
        if let mark = rest.utf8.firstIndex(of: 0x3F) {
            path = rest[..<mark]
            query = rest[rest.utf8.index(after: mark)...]
        } else {
            path = rest
            query = ""
        }
    }

    /// The absolute form that proxies use, `http://host/path`.
    private static func withoutAuthority(_ target: Substring) -> Substring {
        for scheme in ["http://", "https://"] where target.utf8.starts(with: scheme.utf8) {
            let authority = target.utf8.dropFirst(scheme.utf8.count)
            guard let slash = authority.firstIndex(of: 0x2F) else { return "/" }
            return target[slash...]
        }
        return target
    }
}
