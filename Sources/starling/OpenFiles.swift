import Glibc

/// How many files this process may have open, connections among them.
enum OpenFiles {
    /// More than all connections and files of a node together.
    private static let wanted: rlim_t = 1 << 16

    /// Systems give 1,024 to begin with, for the sake of old programs, and let a program ask for more.
    /// - Returns: what there is then.
    static func raise() -> Int {
        var limit = rlimit()
        let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard getrlimit(kind, &limit) == 0 else { return 1_024 }
        if limit.rlim_cur < wanted {
            var more = limit
            more.rlim_cur = min(wanted, limit.rlim_max)
            if setrlimit(kind, &more) == 0 { limit = more }
        }
        return Int(clamping: limit.rlim_cur)
    }
}
