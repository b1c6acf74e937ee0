/// What keeps writers and deletions apart: writers share it, a deletion has it alone, both to the end of their
/// transactions. A table's lock and not a row's, because waiters for it stand in one line and nobody overtakes.
enum DeletionLock {
    static let keepOut = Link.Statement("LOCK TABLE flock IN ROW SHARE MODE")
    static let take = Link.Statement("LOCK TABLE flock IN EXCLUSIVE MODE")
}

/// Numbers of our own among a database's advisory locks: "starling" in ASCII, and a count behind it.
enum AdvisoryLock {
    private static let base: Int64 = 0x7374_6172_6C69_6E00

    static let migrating = Parameter.int64(base)
    static let settling = Parameter.int64(base + 1)
    /// Had alone by who makes outlines, shared by who stores old readings.
    static let outlining = Parameter.int64(base + 2)
}
