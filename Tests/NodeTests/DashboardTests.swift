import BrowserHarness
import Foundation
import NodeHarness
import ServerHarness
import Testing

extension NodeTests {
    /// The dashboard in a real browser, over a real fleet.
    @Suite(.timeLimit(.minutes(5))) struct DashboardTests {
        private static let devicesCount = 10

        private struct Device: Decodable {
            struct Metric: Decodable { let type: String }
            let device_id: String
            let metrics: [Metric]
        }

        private func devices(of node: NodeProcess) throws -> [Device] {
            try JSONDecoder().decode([Device].self, from: Data(try node.get("/latest").body))
        }

        private func post(_ node: NodeProcess, _ device: String, _ values: [(Double, Double)]) throws {
            let lines = values.map { time, value in
                #"{"device_id":"\#(device)","timestamp":\#(time),"metrics":[{"type":"flow","value":\#(value)}]}"#
            }
            let answer = try HTTPConnection(port: node.port, at: node.place.network).ask(
                "POST", "/data", headers: [("Content-Type", "application/x-ndjson")],
                body: Array(lines.joined(separator: "\n").utf8))
            #expect(answer.status == 202, "\(answer.text)")
        }

        @Test func tenDevicesAreTenCardsWithTwoMetricsEach() async throws {
            let folder = try TemporaryFolder()
            let node = try NodeProcess.ready(at: try NodeTests.place(in: folder))
            let url = "http://127.0.0.1:\(node.port)"
            let fleet = try ChildProcess(
                try Programs.starling(),
                ["simulate", "--server", url, "--devices", "\(Self.devicesCount)", "--interval", "0.2"],
                output: folder.file("fleet.log"))
            try await Browser.run { browser in
                try await browser.open(url)
                let cards = "[...document.querySelectorAll('article[data-device]')]"
                try await browser.wait(
                    until: """
                        \(cards).length === \(Self.devicesCount)
                        && \(cards).every(card => card.querySelectorAll('li.metric').length === 2)
                        """)
                let heard = try devices(of: node)
                for device in heard {
                    let card = "document.querySelector('[data-device=\"\(device.device_id)\"]')"
                    let types = try await browser.value(
                        of: "[...\(card).querySelectorAll('.type')].map(e => e.textContent)")
                    #expect(types as? [String] == device.metrics.map(\.type))
                    let state = try await browser.value(of: "\(card).querySelector('.status-text').textContent")
                    #expect(state as? String == "online")
                }
                let count = try await browser.value(of: "document.querySelector('.count').innerText")
                #expect((count as? String)?.hasPrefix("\(Self.devicesCount)") == true)
                // The rate of readings, the members and their shares come from the flock.
                try await browser.wait(until: "/[1-9]/.test(document.querySelector('.rate .fact-value').textContent)")
                try await browser.wait(until: "/n0\\s*100 %/.test(document.querySelector('.members').innerText)")
                #expect(browser.complaints == [])
            }
            #expect(try fleet.terminate(within: .seconds(15)) == .code(0))
            try NodeTests.stop(node)
        }

        /// The page notes when the value is there, and when the reading was answered: the difference is printed.
        @Test func whatOneNodeTookIsOnAnotherNodesPage() async throws {
            let folder = try TemporaryFolder()
            let flock = try FlockProcess(3, folder: folder)
            try flock.startAll()
            let nodes = flock.running
            try await Browser.run { browser in
                try await browser.open("http://127.0.0.1:\(nodes[2].port)/")
                try await browser.wait(until: "document.getElementById('freshness').dataset.state === 'live'")
                let start = Date.now.timeIntervalSince1970
                try post(nodes[0], "wind-1", [(start - 1, 1)])
                try await browser.wait(until: "document.querySelector('[data-device=\"wind-1\"]')")
                var delays: [Double] = []
                for turn in 1...10 {
                    let value = Double(turn) + 0.25
                    _ = try await browser.value(
                        of: """
                            window.shown = new Promise(resolve => {
                                const look = () => document.querySelector('.value').textContent === '\(value)'
                                    ? resolve(Date.now()) : setTimeout(look, 5);
                                look();
                            }); 0
                            """)
                    try post(nodes[turn % 2], "wind-1", [(start + Double(turn) / 100, value)])
                    let answered = Date.now.timeIntervalSince1970
                    let shown = try #require(try await browser.value(of: "window.shown") as? Double)
                    delays.append(shown / 1_000 - answered)
                }
                let sorted = delays.sorted()
                print("from the answer to the page of another node, of 10: median", sorted[5], "s, longest", sorted[9])
                #expect(browser.complaints == [])
            }
            for index in 0..<3 { _ = try flock.stop(index) }
        }

        /// Whatever a device is called, wherever it is shown.
        @Test func namesStayText() async throws {
            let evil = "<img src=x onerror=alert(1)>"
            let folder = try TemporaryFolder()
            let node = try NodeProcess.ready(at: try NodeTests.place(in: folder))
            try post(node, evil, [(Date.now.timeIntervalSince1970, 1)])
            let path = try #require(evil.addingPercentEncoding(withAllowedCharacters: .alphanumerics))
            try await Browser.run { browser in
                let url = "http://127.0.0.1:\(node.port)/"
                for (page, isShown) in [
                    ("#/", "document.querySelector('.device')?.textContent === name"),
                    ("#/device/\(path)", "document.querySelector('h1').textContent === name"),
                ] {
                    try await browser.open("about:blank")
                    try await browser.open(url + page)
                    _ = try await browser.value(of: "window.name = \"\(evil)\"; 0")
                    try await browser.wait(until: isShown)
                    let images = try await browser.value(of: "document.images.length")
                    #expect(images as? Int == 0)
                }
                _ = try await browser.value(of: "location.hash = '#/'; 0")
                try await browser.wait(until: "document.querySelector('[data-layout=list]')")
                _ = try await browser.value(of: "document.querySelector('[data-layout=list]').click()")
                try await browser.wait(until: "document.querySelector('.row-link')?.textContent === name")
                #expect(try await browser.value(of: "document.images.length") as? Int == 0)
                #expect(browser.complaints == [])
            }
            try NodeTests.stop(node)
        }

        @Test func anAnomalyHasItsMarkAndItsReason() async throws {
            let folder = try TemporaryFolder()
            let node = try NodeProcess.ready(at: try NodeTests.place(in: folder))
            let start = Date.now.timeIntervalSince1970 - 700
            func usual(_ turn: Int) -> (Double, Double) { (start + Double(turn), 20 + Double(turn * 7919 % 101) / 100) }
            for part in 0..<6 { try post(node, "pump", (0..<100).map { usual(part * 100 + $0) }) }
            let deadline = Deadline(in: .seconds(60))
            while try !node.get("/latest").text.contains(#""result":"normal""#) {
                try #require(!deadline.isPast, "no model: \(node.log.suffix(1_000))")
                node.process.nap(50)
                try post(node, "pump", [usual(600 + Int.random(in: 0..<20))])
            }
            try await Browser.run { browser in
                try await browser.open("http://127.0.0.1:\(node.port)/#/device/pump")
                try await browser.wait(until: "Number(document.querySelector('.metric-panel')?.dataset.points) > 300")
                try post(node, "pump", (630..<650).map(usual))
                try post(node, "pump", [(start + 651, 90)])
                try await browser.wait(until: "Number(document.querySelector('.metric-panel').dataset.anomalies) > 0")
                let reason = try await browser.value(of: "document.querySelector('.now-reason').textContent")
                #expect((reason as? String)?.contains("above") == true, "\(reason ?? "")")
                // The model says where the next one is expected: a band along the line.
                try post(node, "pump", (652..<660).map(usual))
                try await browser.wait(until: "Number(document.querySelector('.metric-panel').dataset.band) > 0")
                try await browser.reload()
                try await browser.wait(until: "document.querySelector('.episode .episode-reason')")
                let told = try await browser.value(of: "document.querySelector('.episode-reason').textContent")
                #expect((told as? String)?.contains("above") == true, "\(told ?? "")")
                #expect(
                    try await browser.value(of: "Number(document.querySelector('.metric-panel').dataset.anomalies)")
                        as? Int == 1)
                _ = try await browser.value(of: "location.hash = '#/anomalies'; 0")
                try await browser.wait(until: "document.querySelector('.anomalies-page .where')?.innerText === 'pump'")
                #expect(browser.complaints == [])
            }
            try NodeTests.stop(node)
        }

        @Test(.enabled(if: Balancer.program != nil, "\(Balancer.advice)"))
        func thePageOutlivesTheNodeThatServedIt() async throws {
            let folder = try TemporaryFolder()
            let flock = try FlockProcess(3, folder: folder)
            try flock.startAll()
            let nodes = flock.running
            let balancer = try Balancer(before: [nodes[2].port, nodes[1].port])
            let url = "http://127.0.0.1:\(balancer.port)"
            let fleet = try ChildProcess(
                try Programs.starling(),
                ["simulate", "--server", "http://127.0.0.1:\(nodes[0].port)", "--devices", "6", "--interval", "0.5"],
                output: folder.file("fleet.log"))
            try await Browser.run { browser in
                try await browser.open(url)
                try await browser.wait(until: "document.querySelectorAll('article[data-device]').length === 6")
                try await browser.wait(until: "document.getElementById('node').textContent === 'n2'")
                _ = try await browser.value(
                    of: """
                        window.seen = []; window.fewest = 6;
                        const line = document.getElementById('freshness');
                        const look = () => {
                            seen.push(line.dataset.state + ': ' + line.innerText);
                            fewest = Math.min(fewest, document.querySelectorAll('article[data-device]').length);
                        };
                        new MutationObserver(look).observe(document.body, { subtree: true, attributes: true, childList: true, characterData: true });
                        0
                        """)
                flock.kill(2)
                try await browser.wait(until: "seen.some(text => /^stale: data is \\d+ s old/.test(text))")
                try await browser.wait(until: "document.getElementById('freshness').innerText === 'live'")
                try await browser.wait(until: "document.getElementById('node').textContent === 'n1'")
                #expect(try await browser.value(of: "fewest") as? Int == 6, "the page emptied itself")
            }
            #expect(try fleet.terminate(within: .seconds(15)) == .code(0))
            for index in 0..<2 { _ = try flock.stop(index) }
        }
    }
}
