/// Why bytes are not what they should be, or a value cannot become bytes. Nothing here traps: the bytes come from
/// disks and networks.
package enum FormatError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The bytes end before the field does.
    case truncated(needed: Int, left: Int)
    /// A variable-length integer of more than 64 bits, or longer than it had to be.
    case badInteger
    /// A length or a count beyond its limit; checked before anything is reserved for it.
    case tooMany(what: String, count: UInt64, max: Int)
    /// A field that has its bytes, but means nothing: bad UTF-8, an index beyond its table, a value that is not finite.
    case invalid(what: String)
    /// Bytes follow where the value should end.
    case trailing(count: Int)

    package var description: String {
        switch self {
        case .truncated(let needed, let left): "\(needed) bytes needed, \(left) left"
        case .badInteger: "a variable-length integer is too long"
        case .tooMany(let what, let count, let max): "\(count) \(what), at most \(max) are allowed"
        case .invalid(let what): "invalid \(what)"
        case .trailing(let count): "\(count) bytes after the end"
        }
    }
}
