import HTTPTypes
import Hummingbird
import NIOCore
import ReadingFormats

/// What a handler answers, before anyone decided whether it leaves compressed, cut to its head, or as it is.
struct Answer: Sendable {
    enum Body: Sendable {
        case empty
        case buffer(ByteBuffer)
        case stream(@Sendable @concurrent (inout AnswerStream) async throws -> Void)
    }

    var status: HTTPResponse.Status
    var headers: HTTPFields
    var body: Body
    /// False for files, which were packed once, at the start, and for events, which must not wait.
    var isPackable = true

    init(_ status: HTTPResponse.Status = .ok, headers: HTTPFields = [:], body: Body = .empty) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    init(_ status: HTTPResponse.Status = .ok, json: JSONWriter, headers: HTTPFields = [:]) {
        self.init(status, headers: headers, body: .buffer(json.buffer))
        self.headers[.contentType] = MediaType.json
    }

    init(_ problem: Problem) {
        self.init(problem.kind.status, headers: problem.headers, body: .buffer(problem.body))
        headers[.contentType] = MediaType.problem
        headers[.cacheControl] = "no-store"
    }
}

/// Where a handler writes an answer that is too long to be held whole.
struct AnswerStream {
    private var writer: any ResponseBodyWriter
    private var gzip: GzipEncoder?

    init(to writer: any ResponseBodyWriter, gzip: GzipEncoder?) {
        self.writer = writer
        self.gzip = gzip
    }

    @concurrent mutating func write(_ buffer: ByteBuffer) async throws {
        guard buffer.readableBytes > 0 else { return }
        guard let gzip else { return try await writer.write(buffer) }
        try await writeNonEmpty(gzip.pack(buffer))
    }

    @concurrent mutating func finish() async throws {
        if let gzip { try await writeNonEmpty(gzip.packEnd()) }
        try await writer.finish(nil)
    }

    /// An empty part would end a chunked body.
    @concurrent private mutating func writeNonEmpty(_ buffer: ByteBuffer) async throws {
        if buffer.readableBytes > 0 { try await writer.write(buffer) }
    }
}
