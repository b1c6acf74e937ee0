package import Ports

/// What a receiver's answer means for a delivery.
package enum PostVerdict: Hashable, Sendable {
    case delivered
    /// Microseconds that the receiver wants to be left alone, if it said so.
    case again(reason: String, after: Int64?)
    case givenUp(reason: String)

    package init(_ answer: PostAnswer) {
        switch answer {
        case .unanswered(let reason): self = .again(reason: reason, after: nil)
        case .answered(let status, let retryAfter):
            switch status {
            case 200..<300: self = .delivered
            case 300..<400:
                self = .again(
                    reason: "answered \(status), and redirects are not followed: a secret must not travel elsewhere; "
                        + "give the address that it leads to", after: nil)
            case 408: self = .again(reason: "answered 408", after: nil)
            case 429, 503: self = .again(reason: "answered \(status)", after: retryAfter)
            case 400..<500: self = .givenUp(reason: "answered \(status): it does not want this alert")
            default: self = .again(reason: "answered \(status)", after: nil)
            }
        }
    }
}
