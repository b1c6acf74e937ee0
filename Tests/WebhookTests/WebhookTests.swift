import Crypto
import Foundation
import NIOCore
import Ports
import ReceiverHarness
import Telemetry
import Testing
import Webhook

@Suite(.timeLimit(.minutes(2))) struct WebhookTests {
    private static let time = Instant(microseconds: 1_795_359_845_999_999)
    private static let body = Array(#"{"id":"d/t/1","event":"start"}"#.utf8)

    private static func delivery(_ target: AlertTarget, alert: String = "press 7/ü/1") -> AlertDelivery {
        AlertDelivery(
            key: AlertDelivery.Key(alert: alert, event: .start, target: target.id), body: body, created: time,
            next: time)
    }

    /// Posts once to a receiver that behaves so.
    private static func post(
        _ script: [AlertReceiver.Behaviour], secret: String? = nil, limits: WebhookPoster.Limits = .init(),
        times: Int = 1
    ) async throws -> (answers: [PostAnswer], requests: [AlertReceiver.Request]) {
        let receiver = try await AlertReceiver(script)
        let url = try #require(WebhookURL(receiver.url + "?x=1"))
        let poster = WebhookPoster([url], secret: secret, version: "9", limits: limits)
        var answers: [PostAnswer] = []
        for _ in 0..<times { answers.append(await poster.post(delivery(url.target), at: time)) }
        await poster.close()
        await receiver.close()
        return (answers, receiver.requests)
    }

    @Test func anAlertArrivesAsItIs() async throws {
        let (answers, requests) = try await Self.post([], secret: "s3cret", times: 2)
        #expect(answers == [.answered(status: 204, retryAfter: nil), .answered(status: 204, retryAfter: nil)])
        let request = try #require(requests.first)
        #expect(request.method == "POST" && request.path == "/hook?x=1")
        #expect(request.body == Self.body)
        #expect(request.headers["content-type"] == "application/json")
        #expect(request.headers["user-agent"] == "starling/9")
        #expect(request.headers["starling-timestamp"] == "1795359845")
        #expect(request.id == "press%207/%C3%BC/1/start")
        #expect(request.id.removingPercentEncoding == "press 7/ü/1/start")
        // As a receiver would check it.
        let code = HMAC<SHA256>.authenticationCode(
            for: Data("1795359845.".utf8) + Data(Self.body), using: SymmetricKey(data: Data("s3cret".utf8)))
        let hex = code.map { String(format: "%02x", $0) }.joined()
        #expect(request.headers["starling-signature"] == "sha256=" + hex)
    }

    @Test func withoutASecretNothingIsSigned() async throws {
        let (_, requests) = try await Self.post([])
        #expect(requests.first?.headers["starling-signature"] == nil)
        #expect(requests.first?.headers["authorization"] == nil)
    }

    @Test(
        arguments: [
            (500, [:], nil), (410, [:], nil), (429, ["Retry-After": "7"], 7_000_000), (503, ["retry-after": "0"], 0),
            (429, ["Retry-After": "soon"], nil), (429, ["Retry-After": "999999999999999999999"], 3_600_000_000),
            (302, ["Location": "http://127.0.0.1:1/elsewhere"], nil), (307, ["Location": "/hook2"], nil),
        ] as [(Int, [String: String], Int64?)])
    func answersAreTold(status: Int, headers: [String: String], after: Int64?) async throws {
        let script: [AlertReceiver.Behaviour] = [.status(status, headers: headers.map { ($0.key, $0.value) })]
        let (answers, requests) = try await Self.post(script)
        #expect(answers == [.answered(status: status, retryAfter: after)])
        // Redirects lead nowhere.
        #expect(requests.count == 1)
    }

    @Test func whoHangsIsNotWaitedFor() async throws {
        var limits = WebhookPoster.Limits()
        limits.answer = .milliseconds(300)
        let (answers, requests) = try await Self.post([.hang], limits: limits, times: 2)
        #expect(answers == [.unanswered(reason: "no answer in time"), .answered(status: 204, retryAfter: nil)])
        #expect(requests.count == 2)
    }

    @Test func anAnswerWithoutEndIsAnAnswer() async throws {
        var limits = WebhookPoster.Limits()
        limits.drain = .milliseconds(200)
        let (answers, _) = try await Self.post([.drip], limits: limits, times: 2)
        #expect(answers == [.answered(status: 200, retryAfter: nil), .answered(status: 204, retryAfter: nil)])
    }

    @Test func whoHangsUpDidNotAnswer() async throws {
        let (answers, requests) = try await Self.post([.takeAndHangUp], times: 2)
        guard case .unanswered(let reason) = answers[0] else {
            Issue.record("\(answers)")
            return
        }
        #expect(!reason.isEmpty)
        #expect(answers[1] == .answered(status: 204, retryAfter: nil))
        // The same body each time, and no try of its own in between.
        #expect(requests.map(\.body) == [Self.body, Self.body])
    }

    @Test func nobodyListens() async throws {
        let receiver = try await AlertReceiver()
        await receiver.close()
        let url = try #require(WebhookURL("http://127.0.0.1:\(receiver.port)/secret-path"))
        let poster = WebhookPoster([url], secret: nil, version: "9")
        let answer = await poster.post(Self.delivery(url.target), at: Self.time)
        guard case .unanswered(let reason) = answer else {
            Issue.record("\(answer)")
            return
        }
        #expect(!reason.contains("secret-path"))
        let stranger = await poster.post(Self.delivery(AlertTarget(id: "?", label: "?")), at: Self.time)
        #expect(stranger == .unanswered(reason: "nobody has this address"))
        await poster.close()
    }

    /// A certificate that the system does not know.
    @Test func certificatesAreChecked() async throws {
        // No TLS at all on the other side is the simplest certificate that cannot be trusted.
        let receiver = try await AlertReceiver()
        let url = try #require(WebhookURL("https://127.0.0.1:\(receiver.port)/"))
        let poster = WebhookPoster([url], secret: nil, version: "9")
        guard case .unanswered = await poster.post(Self.delivery(url.target), at: Self.time) else {
            Issue.record("an unknown server was trusted")
            return
        }
        #expect(receiver.requests.isEmpty)
        await poster.close()
        await receiver.close()
    }

    @Test func userAndPasswordAreSentAndNeverPrinted() async throws {
        let receiver = try await AlertReceiver()
        let url = try #require(WebhookURL("http://me:pa%3Ass@127.0.0.1:\(receiver.port)/hook"))
        let poster = WebhookPoster([url, url], secret: nil, version: "9")
        #expect(poster.targets.count == 1)
        _ = await poster.post(Self.delivery(url.target), at: Self.time)
        let expected = Data("me:pa:ss".utf8).base64EncodedString()
        #expect(receiver.requests.first?.headers["authorization"] == "Basic " + expected)
        var dumped = ""
        dump(url, to: &dumped)
        for text in ["\(url)", String(reflecting: url), dumped, "\(url.target)"] {
            #expect(!text.contains("pa") && !text.contains("hook"), "\(text)")
        }
        await poster.close()
        await receiver.close()
    }

    @Test func addressesAreToldApart() throws {
        let texts = [
            "http://h/a", "http://h/b", "https://h/a", "http://h:81/a", "http://u:p@h/a", "HTTP://h/a?x",
        ]
        let urls = texts.compactMap { WebhookURL($0) }
        #expect(urls.count == texts.count && Set(urls.map(\.target.id)).count == texts.count)
        #expect(
            urls.map(\.target.label) == [
                "http://h", "http://h", "https://h", "http://h:81", "http://h", "http://h",
            ])
        for bad in ["", "h", "ftp://h", "http://", "http:///a", "http://h:0/", "http://h:99999/"] {
            #expect(WebhookURL(bad) == nil, "\(bad)")
        }
    }
}
