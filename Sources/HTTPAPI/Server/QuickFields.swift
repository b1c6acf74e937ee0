import NIOHTTP1

/// The headers of a small request with nothing out of the ordinary.
struct QuickFields {
    private(set) var contentType: String?
    /// Of the body; 0 without one.
    private(set) var bytesCount = 0
    private(set) var requestID: String?
    private(set) var authorization: String?

    /// - Returns: nil if they ask for something that only the ordinary way does, or say something twice.
    init?(_ head: HTTPRequestHead) {
        guard head.version == .http1_1 else { return nil }
        var length: String?
        for (name, value) in head.headers {
            let isFirst: Bool
            switch Header(name) {
            case .contentType: isFirst = Self.set(&contentType, value)
            case .contentLength: isFirst = Self.set(&length, value)
            case .requestID: isFirst = Self.set(&requestID, value)
            case .authorization: isFirst = Self.set(&authorization, value)
            // Many libraries say what HTTP/1.1 means anyway.
            case .connection where value.lowercased() == "keep-alive": continue
            case .connection: return nil
            case .special: return nil
            case .other: continue
            }
            guard isFirst else { return nil }
        }
        guard let length else { return }
        guard let count = Int(length), (0...HTTPLimits.quickBodyBytesMax).contains(count) else { return nil }
        bytesCount = count
    }

    private static func set(_ field: inout String?, _ value: String) -> Bool {
        guard field == nil else { return false }
        field = value
        return true
    }

    /// What a header means for the way a request takes.
    private enum Header {
        case contentType, contentLength, requestID, authorization, connection
        /// Asks for something that only the ordinary way does.
        case special
        case other

        init(_ name: String) {
            // Lengths first: they tell nearly all headers apart.
            switch name.utf8.count {
            case 12 where Self.isSame(name, "content-type"): self = .contentType
            case 12 where Self.isSame(name, "x-request-id"): self = .requestID
            case 14 where Self.isSame(name, "content-length"): self = .contentLength
            case 13 where Self.isSame(name, "authorization"): self = .authorization
            case 6 where Self.isSame(name, "expect"): self = .special
            // Of a browser's page: whose, is looked at on the ordinary way.
            case 6 where Self.isSame(name, "origin") || Self.isSame(name, "cookie"): self = .special
            case 14 where Self.isSame(name, "sec-fetch-site"): self = .special
            case 7 where Self.isSame(name, "upgrade"): self = .special
            case 10 where Self.isSame(name, "connection"): self = .connection
            case 16 where Self.isSame(name, "content-encoding"): self = .special
            case 17 where Self.isSame(name, "transfer-encoding"): self = .special
            default: self = .other
            }
        }

        /// - Parameter lowercased: as long as `name`.
        private static func isSame(_ name: String, _ lowercased: StaticString) -> Bool {
            lowercased.withUTF8Buffer { wanted in
                var index = 0
                for byte in name.utf8 {
                    guard byte == wanted[index] || (byte | 0x20 == wanted[index] && (0x41...0x5A).contains(byte)) else {
                        return false
                    }
                    index += 1
                }
                return true
            }
        }
    }
}
