import FuzzKit

enum Seeds {
    /// The first byte is a digit or a letter that leaves the number of the check.
    static func all() -> [Seed] {
        let texts: [(kind: Int, name: String, text: String)] = [
            (0, "time", "2026-11-22T15:04:05.123456789+01:00"), (0, "leap-second", "2016-12-31 23:59:60z"),
            (1, "epoch", "\u{0}\u{5}abcdef"), (2, "retry-date", "Sun, 06 Nov 1994 08:49:37 GMT"),
            (2, "retry-seconds", " 120 "), (3, "duration", "1500ms"), (4, "size", "1GiB"),
            (5, "places", "127.0.0.1:8080, [2001:db8::1]:7946,node-1.example.org:0"),
            (6, "sqlite", "sqlite:///var/lib/starling.db"), (6, "postgres", "postgres://u:p@h:5432/d"),
            (7, "webhooks", "https://u:p@example.org/hook?a=b,http://[::1]:8080/"), (7, "rate", "1.5e1"),
            (7, "cluster-key", "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY="),
            (7, "api-keys", "ingest@aa:bb*|gh-1:sha256:\(String(repeating: "0f", count: 32))\n# x\nread+admin:k,all"),
            (7, "origins", "https://example.org, *"),
            (8, "file", #"{"http":"127.0.0.1:8080","join":["a:1","b:2"],"device-rate":10.5,"insecure-open":true}"#),
            (9, "log-id", "0123456789abcdef0123456789abcdef"),
        ]
        return texts.map { Seed($0.name, [UInt8(50 + $0.kind)] + Array($0.text.utf8)) }
    }
}
