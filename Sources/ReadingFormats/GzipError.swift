/// Why a gzip body could not be read.
package enum GzipError: Error, Hashable, Sendable {
    /// It unpacks to more than the limit (413). Found out early: at most the limit was unpacked.
    case tooLarge(limit: Int)
    /// It ends before its last member does, or holds nothing at all (400).
    case truncated
    /// It is not gzip, or its checksum is wrong (400).
    case corrupt(String)
}

extension GzipError: CustomStringConvertible {
    /// For the `detail` of a problem answer.
    package var description: String {
        switch self {
        case .tooLarge(let limit):
            "The body unpacks to more than \(limit) bytes: send the messages in smaller parts."
        case .truncated:
            "The gzip body ends too early: send all of it, to the end of its trailer."
        case .corrupt(let reason):
            "The body is not good gzip (\(reason)): pack it again, or send it without Content-Encoding."
        }
    }
}
