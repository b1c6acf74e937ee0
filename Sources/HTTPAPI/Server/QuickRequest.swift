import HTTPTypes
import NIOCore
import NIOHTTP1
import ReadingFormats

/// A `POST /data` with nothing out of the ordinary.
struct QuickRequest {
    let start = NIODeadline.now()
    let id: String
    let format: BodyFormat
    /// Who sends it, for whoever lets senders in.
    let authorization: String?
    private(set) var body = ByteBuffer()

    /// - Returns: nil for every other request, and for those that will be refused by their head.
    init?(_ head: HTTPRequestHead, ids: RequestIDs) {
        guard head.method == .POST, head.uri == "/data", head.version == .http1_1 else { return nil }
        var format: BodyFormat?
        var bytesCount: Int?
        var givenID: String?
        var authorization: String?
        for (name, value) in head.headers {
            switch Header(name) {
            case .contentType:
                guard format == nil, let known = MediaType.bodyFormat(value) else { return nil }
                format = known
            case .contentLength:
                guard bytesCount == nil, let count = Int(value) else { return nil }
                bytesCount = count
            case .requestID:
                guard givenID == nil else { return nil }
                givenID = value
            case .authorization:
                guard authorization == nil else { return nil }
                authorization = value
            case .special: return nil
            case .other: continue
            }
        }
        guard let format, let bytesCount, (1...HTTPLimits.quickBodyBytesMax).contains(bytesCount) else { return nil }
        self.format = format
        self.authorization = authorization
        id = ids.id(given: givenID)
    }

    mutating func add(_ bytes: ByteBuffer) {
        if body.readableBytes == 0 { body = bytes } else { body.writeImmutableBuffer(bytes) }
    }

    /// What a header means for the way a request takes.
    private enum Header {
        case contentType, contentLength, requestID, authorization
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
            case 10 where Self.isSame(name, "connection"): self = .special
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

extension Answer {
    /// The whole answer as it goes over the wire, for HTTP/1.1 on a connection that stays open.
    func bytes(id: String, date: String, allocator: ByteBufferAllocator) -> ByteBuffer {
        var content = ByteBuffer()
        if case .buffer(let buffer) = body { content = buffer }
        var bytes = allocator.buffer(capacity: 320 + content.readableBytes)
        bytes.writeStaticString("HTTP/1.1 ")
        bytes.writeString(String(status.code))
        bytes.writeStaticString(" ")
        bytes.writeString(status.reasonPhrase)
        for field in headers {
            bytes.writeStaticString("\r\n")
            bytes.writeString(field.name.rawName)
            bytes.writeStaticString(": ")
            bytes.writeString(field.value)
        }
        if status != .accepted { bytes.writeStaticString("\r\nX-Content-Type-Options: nosniff") }
        bytes.writeStaticString("\r\nX-Request-Id: ")
        bytes.writeString(id)
        bytes.writeStaticString("\r\nDate: ")
        bytes.writeString(date)
        bytes.writeStaticString("\r\nContent-Length: ")
        bytes.writeString(String(content.readableBytes))
        bytes.writeStaticString("\r\n\r\n")
        bytes.writeBuffer(&content)
        return bytes
    }
}
