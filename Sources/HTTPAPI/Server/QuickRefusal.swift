import HTTPTypes
import NIOCore
import NIOHTTP1
import Ports

/// A small request that its head alone refuses: its body is thrown away, and its connection lives on.
///
/// Whoever tries keys, or sends more than goes in, comes in numbers: what each costs is taken from everybody else.
struct QuickRefusal {
    let tag: RequestTag
    let answer: Answer
    /// Until it is told.
    let pause: TimeAmount
    /// Until its body must have come.
    let bodyMax: TimeAmount

    init(_ tag: RequestTag, _ problem: Problem, pause: TimeAmount, bodyMax: TimeAmount) {
        self.tag = tag
        answer = Answer(problem)
        self.pause = pause
        self.bodyMax = bodyMax
    }

    init(_ tag: RequestTag, busy refusal: AcceptError) {
        self.init(tag, Handlers.problem(of: refusal), pause: HTTPLimits.busyPause, bodyMax: HTTPLimits.bodyMax)
    }

    /// One of a stranger.
    /// - Returns: nil for every other request, and for those that are answered in another form.
    init?(ofStranger head: HTTPRequestHead, _ fields: QuickFields, _ gatekeeper: Gatekeeper, ids: RequestIDs) {
        // Other forms of targets are taken apart on the ordinary way.
        guard head.uri.hasPrefix("/"), !head.uri.hasPrefix("//"), let method = Self.method(head.method),
            let problem = gatekeeper.refusal(authorization: fields.authorization)
        else { return nil }
        let route = RouteMatch(path: RequestTarget(head.uri).path)?.route
        // The dashboard answers people with a page, and some routes ask nobody.
        guard route != .dashboard, route.map({ $0.scope(for: method) != nil }) ?? true else { return nil }
        let isWrongKey = Gatekeeper.showsKey(fields.authorization)
        self.init(
            RequestTag(id: ids.id(given: fields.requestID), route: route, method: method), problem,
            pause: isWrongKey ? HTTPLimits.wrongKeyPause : .zero, bodyMax: HTTPLimits.discardMax)
    }

    /// Of those whose answers have a body and no other meaning.
    private static func method(_ method: HTTPMethod) -> HTTPRequest.Method? {
        switch method {
        case .GET: .get
        case .POST: .post
        case .PUT: .put
        case .DELETE: .delete
        default: nil
        }
    }
}
