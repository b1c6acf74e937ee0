import Access
import AccessKeys
import HTTPAPI
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import Ports
import Telemetry
import Testing

/// Who sends too much, or too many names.
@Suite struct SenderLimitTests {
    private static func message(_ device: String, _ readings: Int = 1, type: String = "t") -> String {
        let metrics = (0..<readings).map { #"{"type":"\#(type)\#($0)","value":1}"# }
        return #"{"device_id":"\#(device)","metrics":[\#(metrics.joined(separator: ","))]}"#
    }

    /// All requests go to one node, one after the other.
    private func talk(
        _ node: FakeNode = FakeNode(), settings: (inout HTTPSettings) -> Void,
        _ talk: @escaping @Sendable (_ post: (String, String?) async throws -> TestResponse) async throws -> Void
    ) async throws {
        let api = try makeAPI(node, settings: settings)
        try await api.makeSeriesWatch().look()
        try await api.makeApplication().test(.router) { client in
            try await talk { body, key in
                var headers: HTTPFields = [.contentType: "application/x-ndjson"]
                if let key { headers[.authorization] = "Bearer \(key)" }
                return try await client.execute(
                    uri: "/data", method: .post, headers: headers, body: ByteBuffer(string: body))
            }
        }
    }

    @Test func aDeviceThatSendsTooMuchIsToldWhen() async throws {
        let node = FakeNode()
        try await talk(node, settings: { $0.deviceRate = 0.001 }) { post in
            #expect(try await post(Self.message("a"), nil).status == .accepted)
            let refused = try await post(Self.message("a"), nil)
            try expectProblem(refused, .tooManyRequests)
            let wait = refused.headers[.retryAfter].flatMap { Int($0) }
            #expect(wait.map { (1...1_000).contains($0) } == true, "\(String(describing: wait))")
            #expect(refused.text.contains("--device-rate"))
            #expect(try await post(Self.message("b"), nil).status == .accepted, "others go on")
            // In one body with others it is told there, and they are taken.
            let mixed = try await post(Self.message("a", 3) + "\n" + Self.message("c", 2), nil)
            #expect(mixed.status == .accepted)
            #expect(try mixed.object["accepted"] as? Int == 2 && mixed.object["rejected"] as? Int == 3)
        }
        #expect(node.now.batches.map(\.count) == [1, 1, 2])
        #expect(node.now.rejected == 4)
    }

    @Test func aKeyHasARateOfItsOwn() async throws {
        let book = KeyBook(try KeyEntry.parseList("ingest:one,ingest:other"))
        try await talk(settings: {
            $0.keys = book
            $0.keyRate = 0.001
        }) { post in
            #expect(try await post(Self.message("a", 5), "one").status == .accepted)
            let refused = try await post(Self.message("b"), "one")
            try expectProblem(refused, .tooManyRequests)
            #expect(refused.text.contains("its key"))
            #expect(try await post(Self.message("b"), "other").status == .accepted)
        }
    }

    /// A device that is too fast uses up nothing of its key's.
    @Test func oneFastDeviceLeavesTheOthersOfItsKeyTheirRate() async throws {
        let book = KeyBook(try KeyEntry.parseList("ingest:one"))
        try await talk(settings: {
            $0.keys = book
            $0.keyRate = 1
            $0.deviceRate = 0.001
        }) { post in
            #expect(try await post(Self.message("fast"), "one").status == .accepted)
            for _ in 0..<100 {
                let refused = try await post(Self.message("fast"), "one")
                #expect(refused.status == .tooManyRequests && refused.text.contains("--device-rate"))
            }
            #expect(try await post(Self.message("calm"), "one").status == .accepted)
        }
    }

    /// What may be sent again is told so, whatever else is in the body.
    @Test func aBodyThatMayComeAgainIsNotRefusedForGood() async throws {
        let book = KeyBook(try KeyEntry.parseList("ingest@mine-*:bound"))
        try await talk(settings: {
            $0.keys = book
            $0.deviceRate = 0.001
        }) { post in
            #expect(try await post(Self.message("mine-1"), "bound").status == .accepted)
            let mixed = try await post(Self.message("theirs") + "\n" + Self.message("mine-1"), "bound")
            try expectProblem(mixed, .tooManyRequests)
            try expectProblem(try await post(Self.message("theirs"), "bound"), .forbidden)
        }
    }

    /// The log was full: nothing came in, and the names take no room.
    @Test func whatTheNodeRefusesTakesNoRoom() async throws {
        let node = FakeNode()
        node.change { $0.acceptError = .logFull(retryAfterSeconds: 1) }
        try await talk(node, settings: { $0.seriesMax = 2 }) { post in
            for name in 0..<10 {
                let refused = try await post(Self.message("x\(name)"), nil)
                #expect(refused.status == .serviceUnavailable)
            }
            node.change { $0.acceptError = nil }
            #expect(try await post(Self.message("a"), nil).status == .accepted)
            #expect(try await post(Self.message("b"), nil).status == .accepted)
            #expect(try await post(Self.message("c"), nil).status == .tooManyRequests)
        }
    }

    @Test func newSeriesBeyondTheLimitAreRefusedAndTheKnownGoOn() async throws {
        let node = FakeNode()
        try await talk(node, settings: { $0.seriesMax = 3 }) { post in
            #expect(try await post(Self.message("a", 2), nil).status == .accepted)
            let partly = try await post(Self.message("b", 2), nil)
            #expect(partly.status == .accepted)
            #expect(try partly.object["accepted"] as? Int == 1 && partly.object["rejected"] as? Int == 1)
            for invented in 0..<50 {
                let refused = try await post(Self.message("made-up-\(invented)"), nil)
                try expectProblem(refused, .tooManyRequests)
                #expect(refused.headers[.retryAfter] == "60" && refused.text.contains("--series-max"))
            }
            #expect(try await post(Self.message("a", 2), nil).status == .accepted)
            #expect(try await post(Self.message("b", 1), nil).status == .accepted)
        }
        #expect(Set(node.now.batches.flatMap { $0.series.map(\.device.text) }) == ["a", "b"])
    }

    /// A body that is broken takes no place, though its beginning was sound.
    @Test func whatIsNotAcceptedTakesNoRoom() async throws {
        try await talk(settings: { $0.seriesMax = 1 }) { post in
            let broken = "[" + Self.message("x") + ","
            let answers = [
                try await post("{\"a\":", nil), try await post(broken, nil), try await post(Self.message("a"), nil),
            ]
            #expect(answers.map(\.status) == [.badRequest, .badRequest, .accepted])
        }
    }

    /// What the store holds is no news, whoever accepted it.
    @Test func whatTheStoreKnowsIsKnown() async throws {
        let node = FakeNode()
        let metrics = [Metric(unchecked: "t0")]
        node.change {
            $0.rows = [
                DeviceRow(
                    device: DeviceID(unchecked: "stored"), metrics: metrics, firstSeen: .distantPast,
                    lastHeard: .distantPast, isHidden: false, readings: 1)
            ]
        }
        let api = try makeAPI(node) { $0.seriesMax = 1 }
        try await api.makeApplication().test(.router) { client in
            func post(_ device: String) async throws -> HTTPResponse.Status {
                try await client.execute(
                    uri: "/data", method: .post, headers: [.contentType: "application/json"],
                    body: ByteBuffer(string: Self.message(device))
                ).status
            }
            try await api.makeSeriesWatch().look()
            #expect(try await post("stored") == .accepted)
            #expect(try await post("other") == .tooManyRequests)
        }
    }
}
