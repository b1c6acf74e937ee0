/// What became of one request, reduced to what a sender must decide on.
package enum PostOutcome: Hashable, Sendable {
    /// Answered: these many readings were taken and refused; never send them again. `reason` is the first refusal's.
    case answered(accepted: Int, rejected: Int, reason: String?)
    /// The server will never take this body (400, 413, 415, 422): sending it again is of no use.
    case refused(String)
    /// No answer, or one that says "later": the very same readings go out again. The wait is the server's own wish.
    case again(reason: String, retryAfterMicroseconds: Int64?)

    /// The outcome of a status code. Statuses that a person can mend on the server's side (401, 404, …) are tried
    /// again: the readings are not at fault.
    /// - Parameter readings: how many the body held; what an answer without counts stands for.
    package init(
        status: Int, accepted: Int?, rejected: Int?, reason: String?, retryAfterMicroseconds: Int64?, readings: Int
    ) {
        switch status {
        case 200...299:
            let rejected = min(max(0, rejected ?? 0), readings)
            let accepted = min(max(0, accepted ?? (readings - rejected)), readings)
            self = .answered(accepted: accepted, rejected: rejected, reason: reason)
        case 400, 413, 415, 422:
            self = .refused("\(status)" + (reason.map { ": \($0)" } ?? ""))
        case 429, 503:
            self = .again(
                reason: "\(status)" + (reason.map { ": \($0)" } ?? ""), retryAfterMicroseconds: retryAfterMicroseconds)
        default:
            self = .again(reason: "\(status)" + (reason.map { ": \($0)" } ?? ""), retryAfterMicroseconds: nil)
        }
    }
}
