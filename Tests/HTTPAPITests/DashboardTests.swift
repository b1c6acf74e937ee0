import BrowserHarness
import Foundation
import HTTPAPI
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Ports
import Telemetry
import Testing

/// The page in a real browser, against the real server, over a fleet made of values.
@Suite(.serialized) struct DashboardTests {
    static let evil = "<img src=x onerror=alert(1)>"

    private func fleet(count: Int) -> FakeNode {
        let node = FakeNode()
        node.change { state in
            state.devices = (0..<count).map { index in
                LatestDevice(
                    "device-0\(index)",
                    [
                        LatestMetric("humidity", 40, .normal, score: 0.1),
                        LatestMetric(
                            "temperature", 21.5, index == 3 ? .anomaly : .normal, score: index == 3 ? 0.9 : 0.2),
                    ])
            }
            state.devices.append(
                LatestDevice(
                    Self.evil, [LatestMetric("<b>bold</b>", -7.25, .learning, isSilent: true)], isSilent: true))
        }
        return node
    }

    @Test func thereIsACardADevice() async throws {
        try await inBrowser(fleet(count: 9)) { browser, address in
            try await browser.open(address)
            try await browser.wait(until: "document.querySelectorAll('[data-device]').length === 10")
            let ids = try await browser.value(
                of: "[...document.querySelectorAll('[data-device]')].map(e => e.dataset.device)")
            // The anomalous first, the others by id.
            let calm = [Self.evil] + (0..<9).filter { $0 != 3 }.map { "device-0\($0)" }
            #expect(ids as? [String] == ["device-03"] + calm)
            let card = "document.querySelector('[data-device=\"device-03\"]')"
            let text = try #require(try await browser.value(of: card + ".innerText") as? String)
            for word in ["device-03", "online", "temperature", "21.5", "anomaly", "80 %", "humidity", "40", "forest@3"]
            {
                #expect(text.contains(word), "\(word) is missing in \(text)")
            }
            #expect(try await browser.value(of: card + ".dataset.result") as? String == "anomaly")
            let counts = try await browser.value(of: "[...document.querySelectorAll('.count b')].map(e => e.innerText)")
            #expect(counts as? [String] == ["10", "9", "1", "1", "1"])
        }
    }

    @Test func aSilentMetricSaysSoAndNotWhatWasSaidOfItsLastReading() async throws {
        let node = FakeNode()
        node.change { state in
            state.devices = [
                LatestDevice(
                    "a", [LatestMetric("humidity", 40), LatestMetric("temperature", 21.5, .anomaly, isSilent: true)]),
                LatestDevice("b", [LatestMetric("humidity", 40, isSilent: true)], isSilent: true),
            ]
        }
        try await inBrowser(node) { browser, address in
            try await browser.open(address)
            try await browser.wait(until: "document.querySelectorAll('[data-device]').length === 2")
            let badges = try await browser.value(of: "[...document.querySelectorAll('.badge')].map(e => e.innerText)")
            #expect(badges as? [String] == ["normal", "silent", "silent"])
            let titles = try await browser.value(of: "[...document.querySelectorAll('.badge')].map(e => e.title)")
            #expect(titles as? [String] == ["", "last heard: anomaly", "last heard: normal"])
            let states = try await browser.value(
                of: "[...document.querySelectorAll('.status-text')].map(e => e.innerText)")
            #expect(states as? [String] == ["online", "silent"])
            let announced = try await browser.value(of: "document.getElementById('announcer').textContent")
            #expect(announced as? String == "Anomaly: a, temperature")
        }
    }

    @Test func whatADeviceSaysStaysText() async throws {
        try await inBrowser(fleet(count: 1)) { browser, address in
            try await browser.open(address)
            try await browser.wait(until: "document.querySelectorAll('[data-device]').length === 2")
            #expect(try await browser.value(of: "document.querySelectorAll('img, b b, .type b').length") as? Int == 0)
            let headings = try await browser.value(of: "[...document.querySelectorAll('h2')].map(e => e.textContent)")
            #expect((headings as? [String])?.contains(Self.evil) == true)
            let types = try await browser.value(of: "[...document.querySelectorAll('.type')].map(e => e.textContent)")
            #expect((types as? [String])?.contains("<b>bold</b>") == true)
        }
    }

    @Test func theGraphSurvivesAReload() async throws {
        let node = fleet(count: 2)
        try await inBrowser(node) { browser, address in
            let graph = "document.querySelector('[data-device=\"device-00\"] .graph')"
            try await browser.open(address)
            try await browser.wait(until: "\(graph)?.dataset.points >= 3") { node.tick() }
            let before = try #require(try await browser.value(of: "Number(\(graph).dataset.points)") as? Int)
            try await browser.reload()
            try await browser.wait(until: "\(graph)?.dataset.drawn === 'true'")
            let after = try #require(try await browser.value(of: "Number(\(graph).dataset.points)") as? Int)
            #expect(after >= before)
            let painted = try await browser.value(
                of: """
                    (() => {
                        const canvas = \(graph).querySelector('canvas');
                        const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
                        return pixels.some(byte => byte !== 0);
                    })()
                    """)
            #expect(painted as? Bool == true)
        }
    }

    @Test func aNodeThatIsAwayLeavesTheCardsAndSaysHowOldTheyAre() async throws {
        let api = try makeAPI(fleet(count: 2), files: files(charts: HTTPSettings.defaultChartFolder))
        try await Browser.run { browser in
            try await withServer(api) { port, _ in
                try await browser.open("http://127.0.0.1:\(port)/")
                try await browser.wait(until: "document.querySelectorAll('[data-device]').length === 3")
            }
            try await browser.wait(until: "/data is \\d+ s old/.test(document.getElementById('freshness').innerText)")
            #expect(try await browser.value(of: "document.querySelectorAll('[data-device]').length") as? Int == 3)
        }
    }

    @Test func howTheFlockIsCanBeReadAtAGlance() async throws {
        let node = fleet(count: 1)
        func member(_ name: String, _ status: ClusterView.Member.Status) -> ClusterView.Member {
            ClusterView.Member(
                name: name, address: "a", http: "h", status: status, incarnation: 1, ringShare: 0.3, devices: 0,
                version: "0.1.0", since: FakeNode.start)
        }
        try await inBrowser(node) { browser, address in
            for (members, words) in [
                ([member("n0", .alive)], ""),
                ([member("n0", .alive), member("n1", .left)], ""),
                ([member("n0", .alive), member("n1", .alive)], "2 nodes, all well"),
                ([member("n0", .alive), member("<i>", .suspect)], "2 nodes, <i> is suspect"),
                ([member("n0", .alive), member("n1", .dead), member("n2", .suspect)], "3 nodes, 1 suspect, 1 dead"),
            ] {
                node.change { $0.members = members }
                try await browser.open(address)
                try await browser.wait(until: "document.getElementById('node').textContent === 'n0'")
                #expect(try await browser.value(of: "document.getElementById('flock').textContent") as? String == words)
            }
        }
    }

    @Test func nothingInThePageBreaksItsOwnPolicy() async throws {
        let node = fleet(count: 3)
        node.change { $0.rows = [DeviceRow("device-00")] }
        try await inBrowser(node) { browser, address in
            for page in ["", "#/device/device-00", "#/anomalies", "#/cluster", "#/models"] {
                try await browser.open(address + page)
                try await browser.wait(until: "document.getElementById('page').children.length === 1")
            }
            try await browser.open(address)
            try await browser.wait(until: "document.querySelector('[data-drawn=\"true\"]')") { node.tick() }
            // The store of this fleet knows no readings; that is told with 404.
            #expect(browser.complaints.filter { !$0.contains("/history?") } == [])
        }
    }
}
