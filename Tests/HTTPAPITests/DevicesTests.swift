import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Ports
import Telemetry
import Testing

@Suite struct DevicesTests {
    private func node(_ names: String...) -> FakeNode {
        let node = FakeNode()
        node.change { $0.rows = names.map { DeviceRow($0) } }
        return node
    }

    @Test func theShapeIsTheContracts() async throws {
        let response = try await answer(node("a"), .get, "/devices")
        #expect(
            response.text
                == #"""
                [{"device_id":"a","types":["temperature"],"first_seen":"2026-11-22T15:04:05.000Z",\#
                "last_heard":"2026-11-22T15:04:05.000Z","state":"active","readings":1}]
                """#)
    }

    @Test(arguments: [0, 1, 999, 1000, 1001, 2500])
    func allDevicesComeByDefault(count: Int) async throws {
        let node = FakeNode()
        let names = (0..<count).map { "device-\($0)" }.sorted()
        node.change { $0.rows = names.map { DeviceRow($0) } }
        let list = try await answer(node, .get, "/devices").list
        #expect(list.map { $0["device_id"] as? String } == names)
        let part = try await answer(node, .get, "/devices?after=device-1&limit=3").list
        #expect(part.map { $0["device_id"] as? String } == names.filter { $0 > "device-1" }.prefix(3).map { $0 })
        let many = try await answer(node, .get, "/devices?limit=1500").list
        #expect(many.count == min(count, 1500))
    }

    @Test(
        arguments: [
            ("plain", "plain"), ("a%2Fb", "a/b"), ("a%252Fb", "a%2Fb"), ("100%25", "100%"), ("why%3F", "why?"),
            ("a+b", "a+b"), ("%C3%A4%20%F0%9F%90%A6", "ä 🐦"), ("%3Cimg%20src=x%3E", "<img src=x>"), ("..", ".."),
        ])
    func namesInPathsAreDecodedOnce(path: String, name: String) async throws {
        let node = node("other", name)
        let got = try await answer(node, .get, "/devices/" + path)
        #expect(got.status == .ok)
        #expect(try got.object["device_id"] as? String == name)
        let gone = try await answer(node, .delete, "/devices/" + path)
        #expect(gone.status == .noContent)
        #expect(gone.body.readableBytes == 0)
        #expect(node.now.deleted.map(\.text) == [name])
        try expectProblem(try await answer(node, .get, "/devices/" + path), .notFound)
        try expectProblem(try await answer(node, .delete, "/devices/" + path), .notFound)
    }

    @Test(arguments: ["%", "%2", "%zz", "%FF", "%00", "%C2%85", String(repeating: "x", count: 129)])
    func impossibleNamesAre400(path: String) async throws {
        try expectProblem(try await answer(node("a"), .get, "/devices/" + path), .badRequest)
        try expectProblem(try await answer(node("a"), .delete, "/devices/" + path), .badRequest)
    }

    @Test(arguments: ["/devices/", "/devices/a/b", "/devicesa"])
    func otherPathsAreNotDevices(path: String) async throws {
        try expectProblem(try await answer(node("a", "b"), .get, path), .notFound)
    }

    @Test func aStoreThatIsAwayIs503() async throws {
        let node = node("a")
        node.change { $0.storeError = StoreError(.unavailable, "away") }
        for (method, path) in [(HTTPRequest.Method.get, "/devices"), (.get, "/devices/a"), (.delete, "/devices/a")] {
            let response = try await answer(node, method, path)
            try expectProblem(response, .serviceUnavailable)
            #expect(response.headers[.retryAfter] != nil)
        }
    }
}
