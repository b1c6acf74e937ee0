package import NIOCore

/// Writes the Prometheus text format: families with `# HELP` and `# TYPE`, then their samples.
package struct PrometheusText {
    package enum Kind: String, Sendable { case counter, gauge, histogram }

    package private(set) var buffer = ByteBuffer()

    package init() {}

    package mutating func family(_ name: String, _ kind: Kind, help: String) {
        buffer.writeString("# HELP \(name) \(Self.escaped(help, quotes: false))\n# TYPE \(name) \(kind.rawValue)\n")
    }

    package mutating func sample(_ name: String, labels: String = "", _ value: Double) {
        buffer.writeString(labels.isEmpty ? name : "\(name){\(labels)}")
        buffer.writeString(" \(Self.text(of: value))\n")
    }

    /// One family with a single sample.
    package mutating func single(_ name: String, _ kind: Kind, help: String, labels: String = "", _ value: Double) {
        family(name, kind, help: help)
        sample(name, labels: labels, value)
    }

    /// `route="/latest",status="200"`, sorted by name, so that one series has one text.
    package static func labels(_ pairs: [(String, String)]) -> String {
        pairs.map { (sanitized($0.0), escaped($0.1, quotes: true)) }.sorted { $0.0 < $1.0 }
            .map { "\($0.0)=\"\($0.1)\"" }.joined(separator: ",")
    }

    /// A name with every byte that Prometheus does not take replaced by `_`.
    package static func sanitized(_ name: String) -> String {
        let text = String(
            name.unicodeScalars.map { scalar in
                switch scalar {
                case "a"..."z", "A"..."Z", "0"..."9", "_": Character(scalar)
                default: "_"
                }
            })
        return text.first.map { ("0"..."9").contains($0) } ?? true ? "_" + text : text
    }

    package static func text(of value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if value.magnitude < 0x1p53, value == value.rounded(.towardZero) { return String(Int64(value)) }
        return value.description
    }

    private static func escaped(_ text: String, quotes: Bool) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": escaped += "\\\\"
            case "\n": escaped += "\\n"
            case "\"" where quotes: escaped += "\\\""
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
