extension Scenario.Action {
    /// Its name without numbers.
    package var kind: String {
        let text = "\(self)"
        return String(text.prefix { $0 != "(" })
    }

    /// The kinds that a set of seeds must have between them.
    package static let kinds: Set<String> = [
        "send",
        "sendAgain",
        "crash",
        "stop",
        "start",
        "pause",
        "isolate",
        "split",
        "restart",
        "join",
        "freezeRing",
        "storeAway",
        "storeSlow",
        "backUp",
        "restore",
        "badNetwork",
        "badCommits",
        "diskFull",
        "diskFails",
        "flipBit",
        "swallow",
        "startCopy",
        "delete",
        "loseRing",
    ]
}
