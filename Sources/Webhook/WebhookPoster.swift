import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
package import Ports
package import Telemetry

/// Posts alerts over HTTP, each once a call: when it is tried again is decided elsewhere.
///
/// Redirects are not followed: they would carry alert and signature to somebody whom nobody named. Certificates are checked
/// against the system's.
package final class WebhookPoster: AlertPoster {
    /// Every wait and size of this adapter.
    package struct Limits: Hashable, Sendable {
        /// From the start of a request to the head of its answer.
        package var answer = Duration.seconds(10)
        package var connect = Duration.seconds(5)
        /// An answer's body is read for no longer and no further, only so that the connection may be used again.
        package var drain = Duration.seconds(1)
        package var drainBytesMax = 64 << 10
        /// Connections to one receiver.
        package var connectionsMax = 4

        package init() {}
    }

    private let urls: [String: WebhookURL]
    private let secret: String?
    private let agent: String
    private let limits: Limits
    private let client: HTTPClient
    package let targets: [AlertTarget]

    /// - Parameters:
    ///   - secret: what signs; nil signs nothing.
    ///   - version: of the program, for `User-Agent`.
    package init(_ urls: [WebhookURL], secret: String?, version: String, limits: Limits = Limits()) {
        var known: Set<String> = []
        targets = urls.map(\.target).filter { known.insert($0.id).inserted }
        self.urls = Dictionary(urls.map { ($0.target.id, $0) }) { first, _ in first }
        self.secret = secret
        agent = "starling/\(version)"
        self.limits = limits
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        // The deadline of each request is the limit of its answer: another one beside it would race with it.
        configuration.timeout = .init(connect: TimeAmount(limits.connect))
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = limits.connectionsMax
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.httpVersion = .http1Only
        client = HTTPClient(configuration: configuration)
    }

    package func post(_ delivery: AlertDelivery, at time: Instant) async -> PostAnswer {
        guard let url = urls[delivery.key.target] else { return .unanswered(reason: "nobody has this address") }
        do {
            let response = try await client.execute(
                request(delivery, to: url, at: time), timeout: TimeAmount(limits.answer))
            await drain(response.body)
            let retryAfter = response.headers.first(name: "retry-after").flatMap {
                RetryAfter.microseconds($0, now: time)
            }
            return .answered(status: Int(response.status.code), retryAfter: retryAfter)
        } catch {
            return .unanswered(reason: Self.reason(of: error))
        }
    }

    private func request(_ delivery: AlertDelivery, to url: WebhookURL, at time: Instant) -> HTTPClientRequest {
        let timestamp = time.microseconds / 1_000_000
        var request = HTTPClientRequest(url: url.address)
        request.method = .POST
        request.headers.add(name: "content-type", value: "application/json")
        request.headers.add(name: "user-agent", value: agent)
        request.headers.add(name: "starling-alert-id", value: Self.headerText(delivery.key.deliveryID))
        request.headers.add(name: "starling-timestamp", value: "\(timestamp)")
        if let secret {
            request.headers.add(
                name: "starling-signature",
                value: Signature.header(secret: secret, timestamp: timestamp, body: delivery.body))
        }
        if let authorization = url.authorization { request.headers.add(name: "authorization", value: authorization) }
        request.body = .bytes(ByteBuffer(bytes: delivery.body))
        return request
    }

    /// A field's value is visible ASCII: all else, and `%`, is percent-encoded.
    package static func headerText(_ text: String) -> String {
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            if (0x21...0x7E).contains(byte), byte != UInt8(ascii: "%") {
                bytes.append(byte)
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                bytes += "%\(digits.utf8.count == 1 ? "0" : "")\(digits)".utf8
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Whatever it says, the status counts.
    private func drain(_ body: HTTPClientResponse.Body) async {
        await withTaskGroup(of: Void.self) { [limits] group in
            group.addTask { _ = try? await body.collect(upTo: limits.drainBytesMax) }
            group.addTask { try? await Task.sleep(for: limits.drain) }
            await group.next()
            group.cancelAll()
        }
    }

    package func close() async { try? await client.shutdown() }

    /// For people, without the address.
    private static func reason(of error: any Error) -> String {
        switch error {
        case let error as HTTPClientError where error == .deadlineExceeded: "no answer in time"
        case let error as HTTPClientError where error == .connectTimeout: "no connection in time"
        case let error as HTTPClientError: error.shortDescription
        case is ChannelError: "cannot connect"
        case let error as IOError: String(cString: strerror(error.errnoCode))
        case let error as NIOConnectionError:
            error.connectionErrors.first.map { reason(of: $0.error) } ?? "\(error.host) has no address"
        default: String(describing: type(of: error))
        }
    }
}
