/// Sizes of this adapter, and the waits that do not follow from `LeaseLimits`.
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
    /// Of the file that `sslrootcert=` names: a system's whole list of CAs has a quarter of it.
    static let rootsBytesMax = 1 << 20
    /// What a tunnel reads at once, from either end.
    static let tunnelReadBytes = 16 << 10
    /// Bytes that wait for one end of a tunnel before the other end is read no more. One read and its TLS records may
    /// come on top.
    static let tunnelWaitingBytesMax = 64 << 10
    /// How long a tunnel that was given up waits for the server's farewell in TLS.
    static let farewellMilliseconds: Int64 = 500
}
