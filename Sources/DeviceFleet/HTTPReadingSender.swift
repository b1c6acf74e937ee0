package import AsyncHTTPClient
import Foundation
package import NIOCore
import NIOHTTP1
import NIOPosix
package import NIOSSL
import Telemetry

/// Posts readings over HTTP/1.1 with kept-alive connections.
package struct HTTPReadingSender: ReadingSender {
    /// From the start of a request to the end of its answer. A node answers after one sync to disk: ten seconds without
    /// an answer is a server that is gone.
    package static let answerTimeout = TimeAmount.seconds(10)
    package static let connectTimeout = TimeAmount.seconds(3)
    /// Connections to one server; more devices than this take turns.
    package static let connectionsPerServerMax = 64
    /// More of an answer is not read.
    package static let answerBytesMax = 1 << 20

    private let client: HTTPClient
    private let timeout: TimeAmount
    private let key: String?

    /// - Parameter key: shown to servers that ask for one.
    package init(client: HTTPClient, key: String? = nil, timeout: TimeAmount = answerTimeout) {
        self.client = client
        self.key = key
        self.timeout = timeout
    }

    /// Runs `body` with a client of the right limits, and shuts it down whatever happens.
    /// - Parameter tls: nil trusts whom the system trusts.
    package static func withClient<Result>(
        tls: TLSConfiguration? = nil, _ body: (HTTPClient) async throws -> Result
    ) async throws -> Result {
        var configuration = HTTPClient.Configuration()
        configuration.tlsConfiguration = tls
        configuration.redirectConfiguration = .disallow
        configuration.timeout = .init(connect: connectTimeout)
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = connectionsPerServerMax
        // The rotation decides when to try again and where; the client must fail at once.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.httpVersion = .http1Only
        let client = HTTPClient(configuration: configuration)
        do {
            let result = try await body(client)
            try await client.shutdown()
            return result
        } catch {
            try? await client.shutdown()
            throw error
        }
    }

    package func post(
        _ body: [UInt8], contentType: String, to server: ServerAddress, readings: Int
    ) async -> PostOutcome {
        var request = HTTPClientRequest(url: server.data)
        request.method = .POST
        request.headers.add(name: "content-type", value: contentType)
        if let key { request.headers.add(name: "authorization", value: "Bearer \(key)") }
        request.headers.add(name: "user-agent", value: "starling-simulate")
        request.body = .bytes(ByteBuffer(bytes: body))
        do {
            let response = try await client.execute(request, timeout: timeout)
            let bytes = try await response.body.collect(upTo: Self.answerBytesMax)
            let answer = Answer(Data(bytes.readableBytesView))
            let now = Instant(microseconds: Int64(Date().timeIntervalSince1970 * 1e6))
            return PostOutcome(
                status: Int(response.status.code), accepted: answer.accepted, rejected: answer.rejected,
                reason: answer.reason,
                retryAfterMicroseconds: response.headers.first(name: "retry-after").flatMap {
                    RetryAfter.microseconds($0, now: now)
                },
                readings: readings)
        } catch {
            return .again(reason: Self.reason(of: error), retryAfterMicroseconds: nil)
        }
    }

    /// What a person needs of an error, in a few words.
    package static func reason(of error: any Error) -> String {
        switch error {
        case let error as HTTPClientError where error == .deadlineExceeded: "no answer in time"
        case let error as HTTPClientError: error.shortDescription
        case is ChannelError: "cannot connect"
        case let error as IOError: String(cString: strerror(error.errnoCode))
        case let error as NIOConnectionError:
            error.connectionErrors.first.map { reason(of: $0.error) } ?? "\(error.host) has no address"
        default: String(describing: error)
        }
    }
}

/// The parts of a node's answer that matter here; all of them may be missing.
private struct Answer {
    var accepted: Int?
    var rejected: Int?
    var reason: String?

    init(_ body: Data) {
        guard let object = try? JSONSerialization.jsonObject(with: body) as? [String: Any] else { return }
        accepted = object["accepted"] as? Int
        rejected = object["rejected"] as? Int
        let first = (object["errors"] as? [[String: Any]])?.first
        if let reason = first?["reason"] as? String {
            let field = first?["field"] as? String
            self.reason = field.map { "\($0): \(reason)" } ?? reason
        } else {
            reason = object["detail"] as? String ?? object["title"] as? String
        }
    }
}
