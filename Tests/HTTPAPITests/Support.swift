import Foundation
import HTTPAPI
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import ReadingFormats
import Testing

/// Nothing is written: what a test wants to see of a log, it catches with a handler of its own.
let quietLogger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

func makeAPI(
    _ node: FakeNode, files: Result<DashboardFiles, HTTPAPIError> = sharedFiles, logger: Logger = quietLogger,
    settings change: (inout HTTPSettings) -> Void = { _ in }
) throws -> HTTPAPI {
    var settings = HTTPSettings(host: "127.0.0.1", port: 0)
    change(&settings)
    return HTTPAPI(
        node: node, settings: settings, files: try files.get(),
        metrics: PrometheusMetrics(help: HTTPAPI.metricsHelp), logger: logger)
}

/// Read and packed once for all tests; without charts, which are the library's own bytes.
let sharedFiles = files(charts: "/nowhere")

func files(charts: String) -> Result<DashboardFiles, HTTPAPIError> {
    Result { () throws(HTTPAPIError) in try DashboardFiles(chartFolder: charts, logger: quietLogger) }
}

/// One request through the router's test framework: no socket.
func answer(
    _ node: FakeNode, _ method: HTTPRequest.Method, _ target: String, _ headers: HTTPFields = [:],
    body: String? = nil
) async throws -> TestResponse {
    try await makeAPI(node).makeApplication().test(.router) { client in
        try await client.execute(
            uri: target, method: method, headers: headers, body: body.map { ByteBuffer(string: $0) })
    }
}

func post(_ node: FakeNode, _ body: String, type: String = "application/json") async throws -> TestResponse {
    try await answer(node, .post, "/data", [.contentType: type], body: body)
}

extension TestResponse {
    var text: String { String(buffer: body) }

    var json: Any {
        get throws {
            try JSONSerialization.jsonObject(with: Data(Array(body.readableBytesView)), options: .fragmentsAllowed)
        }
    }

    var object: [String: Any] {
        get throws { try #require(try json as? [String: Any], "no object: \(text)") }
    }

    var list: [[String: Any]] {
        get throws { try #require(try json as? [[String: Any]], "no list of objects: \(text)") }
    }
}

/// What every problem must look like, whatever it says.
func expectProblem(
    _ response: TestResponse, _ status: HTTPResponse.Status, sourceLocation: SourceLocation = #_sourceLocation
) throws {
    #expect(response.status == status, sourceLocation: sourceLocation)
    #expect(response.headers[.contentType] == "application/problem+json", sourceLocation: sourceLocation)
    #expect(response.headers[requestID] != nil, sourceLocation: sourceLocation)
    let problem = try response.object
    #expect(problem["status"] as? Int == status.code, sourceLocation: sourceLocation)
    for member in ["type", "title", "detail"] {
        let text = problem[member] as? String
        #expect(text?.isEmpty == false, "\(member) is missing", sourceLocation: sourceLocation)
    }
}

let requestID = name("X-Request-Id")
let partial = name("X-Starling-Partial")

private func name(_ text: String) -> HTTPField.Name {
    guard let name = HTTPField.Name(text) else { preconditionFailure("\(text) is no field name") }
    return name
}

func gunzip(_ response: TestResponse) throws -> String {
    let bytes = try GzipDecoder.decode(Array(response.body.readableBytesView), limitBytes: 64 << 20)
    return try #require(String(validating: bytes, as: UTF8.self))
}
