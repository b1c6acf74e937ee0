import HTTPTypes
import NIOHTTP1
import Ports

/// A small request that its head alone refuses: its body is read and thrown away, and its connection lives on.
///
/// Whoever tries keys, or sends more than goes in, comes in numbers: what each costs is taken from everybody else.
struct QuickRefusal {
    let tag: RequestTag
    let answer: Answer

    init(_ tag: RequestTag, _ problem: Problem) {
        self.tag = tag
        answer = Answer(problem)
    }

    /// One of a stranger.
    /// - Returns: nil for every other request, and for those that are answered in another form.
    init?(ofStranger head: HTTPRequestHead, _ fields: QuickFields, _ gatekeeper: Gatekeeper, ids: RequestIDs) {
        guard let problem = gatekeeper.refusal(authorization: fields.authorization),
            let method = Self.methods[head.method]
        else { return nil }
        let route = RouteMatch(path: RequestTarget(head.uri).path)?.route
        // The dashboard answers people with a page, and some routes ask nobody.
        guard route != .dashboard, route.map({ $0.scope(for: method) != nil }) ?? true else { return nil }
        self.init(RequestTag(id: ids.id(given: fields.requestID), route: route, method: method), problem)
    }

    /// Those whose answers have a body and no other meaning.
    private static let methods: [HTTPMethod: HTTPRequest.Method] = [
        .GET: .get, .POST: .post, .PUT: .put, .DELETE: .delete,
    ]
}
