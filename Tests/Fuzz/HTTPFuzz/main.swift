import FuzzKit
import HTTPTypes
import NIOCore
import NIOEmbedded
import NIOHTTP1
import ReadingFormats
import Telemetry

// What a client sends: through the server's decoder into the quick path and into what takes targets, queries and headers
// apart. What the quick path takes is within its bounds, and its answers are read back as they were meant.

let ids = RequestIDs()

// MARK: Targets

func encoded(_ text: String) -> Substring {
    let hex = Array("0123456789abcdef".utf8)
    var bytes: [UInt8] = []
    for byte in text.utf8 { bytes += [0x25, hex[Int(byte >> 4)], hex[Int(byte & 15)]] }
    return Substring(decoding: bytes, as: UTF8.self)
}

func checkDecoded(_ text: Substring) {
    for plusIsSpace in [false, true] {
        guard let decoded = PercentCoding.decode(text, plusIsSpace: plusIsSpace) else { continue }
        precondition(decoded.utf8.count <= text.utf8.count, "\(text) became \(decoded)")
        let again = PercentCoding.decode(encoded(decoded), plusIsSpace: plusIsSpace)
        precondition(again.map { $0.utf8.elementsEqual(decoded.utf8) } == true, "\(decoded)")
    }
}

func checkTarget(_ uri: String) {
    let target = RequestTarget(uri)
    precondition(target.path.utf8.count + target.query.utf8.count <= max(1, uri.utf8.count), "\(uri)")
    checkDecoded(target.path)
    if let match = RouteMatch(path: target.path) {
        precondition(match.parameter.isEmpty != match.route.template.contains("{"), "\(uri) is \(match.route)")
        checkDecoded(match.parameter)
    }
    guard let query = try? Query(target.query) else { return }
    _ = try? query.flag("all")
    let range = 1...HTTPLimits.latestLimitMax
    if let limit = try? query.integer("limit", in: range) { precondition(range.contains(limit), "\(limit)") }
    if let device = try? query.device() { precondition(DeviceID(device.text) == device) }
    if let metric = try? query.metric() { precondition(Metric(metric.text) == metric) }
    _ = try? query.result()
    // Every moment that a query may name has a text.
    for name in ["from", "to"] { if let time = try? query.instant(name) { precondition(!time.description.isEmpty) } }
}

func checkHeaders(_ headers: HTTPHeaders) {
    for (_, value) in headers {
        _ = MediaType.acceptsGzip(value)
        let offered = [MediaType.json, MediaType.csv, MediaType.ndjson]
        precondition(offered.contains(MediaType.preferred(of: offered, by: value)), "\(value)")
    }
}

// MARK: The quick path

func checkFields(_ fields: QuickFields, _ head: HTTPRequestHead) {
    precondition((0...HTTPLimits.quickBodyBytesMax).contains(fields.bytesCount), "\(fields.bytesCount) bytes")
    for name in ["transfer-encoding", "cookie", "origin", "expect", "upgrade"] {
        precondition(!head.headers.contains(name: name), "\(head)")
    }
    precondition(head.headers["connection"].allSatisfy { $0.lowercased() == "keep-alive" }, "\(head)")
    precondition(head.headers["authorization"] == (fields.authorization.map { [$0] } ?? []), "\(head)")
}

func checkQuick(_ request: QuickRequest, _ head: HTTPRequestHead, announced: Int) {
    precondition(head.method == .POST && head.uri == "/data" && head.version == .http1_1, "\(head)")
    precondition((1...HTTPLimits.quickBodyBytesMax).contains(announced), "\(announced) bytes")
    precondition(request.body.readableBytes == announced, "\(request.body.readableBytes) of \(announced) bytes")
    precondition(RequestIDs.isSane(request.tag.id), "\(request.tag.id)")
    precondition(!head.headers.contains(name: "transfer-encoding"), "\(head)")
}

/// As a client reads it.
func checkAnswer(_ request: QuickRequest) {
    let content = ByteBuffer(string: "{\"status\":\"Data accepted\"}")
    let answer = Answer(
        status: .accepted, headers: [.contentType: MediaType.json, .retryAfter: "5"], body: .buffer(content))
    let bytes = answer.bytes(
        id: request.tag.id, date: "Sun, 22 Nov 2026 15:04:05 GMT", allocator: ByteBufferAllocator())
    let channel = EmbeddedChannel()
    defer { _ = try? channel.finish(acceptAlreadyClosed: true) }
    do {
        try channel.pipeline.syncOperations.addHandlers([
            HTTPRequestEncoder(), ByteToMessageHandler(HTTPResponseDecoder()),
        ])
        try channel.writeOutbound(
            HTTPClientRequestPart.head(HTTPRequestHead(version: .http1_1, method: .POST, uri: "/data")))
        try channel.writeInbound(bytes)
        var body = ByteBuffer()
        var id: String?
        while let part = try channel.readInbound(as: HTTPClientResponsePart.self) {
            switch part {
            case .head(let head): id = head.status == .accepted ? head.headers.first(name: "X-Request-Id") : nil
            case .body(let part): body.writeImmutableBuffer(part)
            case .end: break
            }
        }
        precondition(id == request.tag.id && body == content, "an answer to \(request.tag.id) says \(body)")
    } catch {
        preconditionFailure("a client cannot read the answer: \(error)")
    }
}

// MARK: Connections

func checkConnection(_ bytes: UnsafeRawBufferPointer) {
    let channel = EmbeddedChannel()
    defer { _ = try? channel.finish(acceptAlreadyClosed: true) }
    try? channel.pipeline.syncOperations.addHandler(ByteToMessageHandler(HTTPRequestDecoder()))
    // What came before a fault counts.
    _ = try? channel.writeInbound(ByteBuffer(bytes: bytes))
    var quick: (request: QuickRequest, head: HTTPRequestHead)?
    while let part = try? channel.readInbound(as: HTTPServerRequestPart.self) {
        switch part {
        case .head(let head):
            checkTarget(head.uri)
            checkHeaders(head.headers)
            let fields = QuickFields(head)
            if let fields { checkFields(fields, head) }
            quick = fields.flatMap { QuickRequest(head, $0, ids: ids) }.map { ($0, head) }
        case .body(let bytes): quick?.request.add(bytes)
        case .end:
            guard let (request, head) = quick else { continue }
            checkQuick(request, head, announced: Int(head.headers.first(name: "content-length") ?? "") ?? 0)
            checkAnswer(request)
        }
    }
}

try Fuzzer.run(seeds: Seeds.all) { bytes in
    guard let (first, rest) = bytes.divided() else { return }
    // A target alone is reached sooner than behind a method.
    if first & 1 == 0 { checkConnection(rest) } else { checkTarget(String(decoding: rest, as: UTF8.self)) }
}
