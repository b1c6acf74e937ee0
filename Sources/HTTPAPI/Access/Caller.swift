import Access
import AccessKeys
import HTTPTypes
import Telemetry

/// Who asks.
enum Caller: Sendable {
    /// Anybody: this node asks nobody for a key.
    case anybody
    /// The holder of a key, told by a header, or by the cookie of the page that signed in with it.
    case holder(AccessKey, isPage: Bool)

    func allows(_ scope: Scope) -> Bool {
        switch self {
        case .anybody: true
        case .holder(let key, _): key.allows(scope)
        }
    }

    /// To some devices.
    var isBound: Bool {
        if case .holder(let key, _) = self { !key.devices.isEmpty } else { false }
    }

    var isPage: Bool {
        if case .holder(_, let isPage) = self { isPage } else { false }
    }

    func allows(_ device: DeviceID) -> Bool {
        switch self {
        case .anybody: true
        case .holder(let key, _): key.allows(device)
        }
    }
}

extension Route {
    /// What a request to it needs; nil where nobody is asked.
    func scope(for method: HTTPRequest.Method) -> Scope? {
        switch self {
        case .health, .livez, .readyz: nil
        // Whoever signs in or out has no key yet, or none that is good any more.
        case .session where method == .post || method == .delete: nil
        case .data: .ingest
        case .device where method == .delete, .restore, .approve, .trainModel, .activateModel, .rollBackModel: .admin
        case .model where method == .put, .shadowModel where method == .post: .admin
        case .mute: .admin
        default: .read
        }
    }
}
