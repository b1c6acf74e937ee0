/// Sizes of this adapter. Waits follow from `LeaseLimits`.
enum RedisLimits {
    static let defaultPort: UInt16 = 6_379
    /// Of an address, a user or a password.
    static let textBytesMax = 4_096
    static let databaseMax = 1_000_000
    /// Reads, of up to 16 KiB each, until a reply is whole: ours have some bytes, an error a line.
    static let readsPerReplyMax = 8
    /// Of what the server says, shown to people.
    static let shownBytesMax = 200
    /// Addresses of a name that one call tries; each has its share of what is left of the call's time.
    static let addressesMax = 4
}
