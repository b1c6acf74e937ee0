/// A limit that older code exceeds: each exception is listed with what it has, may shrink, and may not grow. An entry
/// that is no longer needed must go, so the list only ever gets shorter.
struct Ratchet: Sendable {
    let limit: Int
    let exceptions: [String: Int]

    func check(_ sizes: [String: Int]) -> [String] {
        var problems: [String] = []
        for (name, size) in sizes.sorted(by: { $0.key < $1.key }) {
            let allowed = exceptions[name] ?? limit
            if size > allowed { problems.append("\(name) has \(size) lines; \(allowed) are allowed") }
        }
        for (name, allowed) in exceptions.sorted(by: { $0.key < $1.key }) {
            guard let size = sizes[name] else {
                problems.append("\(name) is gone: take it off the list")
                continue
            }
            if size <= limit {
                problems.append("\(name) is within \(limit) lines: take it off the list")
            } else if size < allowed {
                problems.append("\(name) shrank to \(size) lines: write that into the list")
            }
        }
        return problems
    }
}
