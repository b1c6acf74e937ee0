import HTTPTypes
import NIOCore
import NIOHTTP1
import ReadingFormats

/// A `POST /data` with nothing out of the ordinary.
struct QuickRequest {
    let tag: RequestTag
    let format: BodyFormat
    /// Who sends it, for whoever lets senders in.
    let authorization: String?
    private(set) var body = ByteBuffer()

    /// - Returns: nil for every other request, and for those that will be refused by their head.
    init?(_ head: HTTPRequestHead, _ fields: QuickFields, ids: RequestIDs) {
        guard head.method == .POST, head.uri == "/data", let type = fields.contentType,
            let format = MediaType.bodyFormat(type), fields.bytesCount > 0
        else { return nil }
        self.format = format
        authorization = fields.authorization
        tag = RequestTag(id: ids.id(given: fields.requestID), route: .data, method: .post)
    }

    mutating func add(_ bytes: ByteBuffer) {
        if body.readableBytes == 0 { body = bytes } else { body.writeImmutableBuffer(bytes) }
    }
}

/// What is told of a request once it is answered.
struct RequestTag {
    let start = NIODeadline.now()
    let id: String
    let route: Route?
    let method: HTTPRequest.Method
}
