import FuzzKit

enum Seeds {
    private static let good =
        #"{"device_id":"device-01","timestamp":"2026-11-22T15:04:05.123456+01:00","#
        + #""metrics":[{"type":"temperature","value":21.5},{"type":"humidity","value":-4e-2}]}"#
    private static let unstamped =
        #"{"device_id":"dé\u00e9","metrics":[{"type":"t","value":1},{"type":"t","value":2}]}"#
    private static let epoch = #"{"timestamp":1795359845,"device_id":"d","metrics":[{"value":0,"type":"t"}]}"#
    private static let milliseconds =
        #"{"timestamp":1.795359845e12,"device_id":"d","metrics":[{"value":-0.0,"type":"t"}]}"#
    private static let extra =
        #"{"device_id":"d","x":[{"y":[true,false,null,"\\\"\/\b\f\n\r\t\ud83d\ude00"]},{}],"#
        + #""metrics":[{"type":"t","value":1e2,"unit":"C"}]}"#
    private static let bad: [(String, String)] = [
        ("number-beyond", #"[{"device_id":"d","metrics":[{"type":"t","value":1e400},{"type":"u","value":1}]}]"#),
        ("half-surrogate", #"[{"device_id":"\ud83d","metrics":[{"type":"t","value":1}]},1,null]"#),
        ("wrong-kinds", #"[{"device_id":7,"metrics":{}},{"device_id":"d","timestamp":[],"metrics":[1,{"type":0}]}]"#),
        ("twice-the-same-key", #"{"device_id":"a","device_id":"b","metrics":[],"metrics":[{"type":"t","value":1}]}"#),
        ("cut", #"[{"device_id":"d","metrics":[{"type":"t","value":"#),
        ("deep", String(repeating: "[", count: 1_025)),
        ("byte-order-mark", "\u{FEFF}" + epoch),
    ]

    static func all() -> [Seed] {
        let messages = [good, unstamped, epoch, milliseconds, extra]
        return [
            Seed("message", "0" + good), Seed("unstamped", "0" + unstamped), Seed("extra-fields", "0" + extra),
            Seed("array", "0[" + messages.joined(separator: ",") + "]"),
            Seed("lines", "1" + messages.joined(separator: "\n")),
            Seed("lines-some-broken", "1" + messages.joined(separator: "\r\n\n{\"device_id\":\n")),
            Seed("empty", "0 \n"),
        ] + bad.map { Seed("bad-" + $0.0, "0" + $0.1) }
    }
}
