import HTTPTypes
import ReadingFormats

/// The media types that are spoken here, and the two kinds of header that choose among them.
enum MediaType {
    static let json = "application/json"
    static let ndjson = "application/x-ndjson"
    static let problem = "application/problem+json"
    static let csv = "text/csv; charset=utf-8"
    static let eventStream = "text/event-stream"
    static let html = "text/html; charset=utf-8"
    static let prometheus = "text/plain; version=0.0.4; charset=utf-8"

    /// `Application/JSON; charset=utf-8` is `application/json`.
    static func isEssence(_ essence: String, of header: String) -> Bool {
        let name = header.utf8.prefix { $0 != 0x3B }
        var trimmed = name.drop { $0 == 0x20 || $0 == 0x09 }
        while trimmed.last == 0x20 || trimmed.last == 0x09 { trimmed.removeLast() }
        return trimmed.elementsEqual(essence.utf8) { byte, wanted in
            byte == wanted || (byte | 0x20 == wanted && (0x41...0x5A).contains(byte))
        }
    }

    /// How a body of this media type is written; nil if nobody here reads it.
    static func bodyFormat(_ type: String) -> BodyFormat? {
        // As nearly all clients spell it.
        if type == json { return .json }
        if type == ndjson { return .ndjson }
        if isEssence(json, of: type) { return .json }
        return isEssence(ndjson, of: type) || isEssence("application/ndjson", of: type) ? .ndjson : nil
    }

    /// The first of `offered` that `header` likes best; the first of all when it likes none, or says nothing.
    static func preferred(of offered: [String], by header: String?) -> String {
        guard let header, let fallback = offered.first else { return offered.first ?? json }
        var best = (name: fallback, quality: 0.0)
        for name in offered {
            let quality = quality(of: name, in: header)
            if quality > best.quality { best = (name, quality) }
        }
        return best.name
    }

    /// The weight RFC 9110 gives `name` in an `Accept` header: the most specific range counts.
    private static func quality(of name: String, in header: String) -> Double {
        let family = name.prefix { $0 != "/" } + "/*"
        var found = (specificity: 0, quality: 0.0)
        for range in header.split(separator: ",") {
            let specificity =
                isEssence(name, of: String(range))
                ? 3 : isEssence(String(family), of: String(range)) ? 2 : isEssence("*/*", of: String(range)) ? 1 : 0
            if specificity > found.specificity { found = (specificity, weight(of: range)) }
        }
        return found.quality
    }

    /// Whether a client that sent this `Accept-Encoding` can unpack gzip.
    static func acceptsGzip(_ header: String?) -> Bool {
        guard let header else { return false }
        var any: Double?
        for coding in header.split(separator: ",") {
            if isEssence("gzip", of: String(coding)) { return weight(of: coding) > 0 }
            if isEssence("*", of: String(coding)) { any = weight(of: coding) }
        }
        return (any ?? 0) > 0
    }

    private static func weight(of part: Substring) -> Double {
        for parameter in part.split(separator: ";").dropFirst() {
            let text = parameter.filter { $0 != " " && $0 != "\t" }
            if text.hasPrefix("q=") || text.hasPrefix("Q=") { return Double(text.dropFirst(2)) ?? 0 }
        }
        return 1
    }
}
