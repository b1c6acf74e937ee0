import HTTPTypes
import NIOCore

// What the parsers need of the answers, without the server around those: its library takes minutes to build.

struct Problem: Error {
    let detail: String

    static func badRequest(_ detail: String) -> Problem { Problem(detail: detail) }
    static func badParameter(_ name: String, _ reason: String) -> Problem { Problem(detail: "\(name) \(reason)") }
}

struct Answer {
    enum Body {
        case empty
        case buffer(ByteBuffer)
    }

    var status: HTTPResponse.Status
    var headers: HTTPFields
    var body: Body
}
