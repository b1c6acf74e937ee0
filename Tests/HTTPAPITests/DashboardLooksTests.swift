import Foundation
import Ports
import Telemetry
import Testing

/// The page at the sizes and in the colours it is made for. Screenshots are attached, for a person to look at
/// (`--attachments-path`); what a program can judge is checked.
@Suite(.serialized) struct DashboardLooksTests {
    private func fleet() -> FakeNode {
        let node = FakeNode()
        let metrics: [(String, Double)] = [("humidity", 41.25), ("pressure", 1013.2), ("temperature", 21.53)]
        node.change { state in
            state.members += [("n1", .alive), ("kitchen-node-2", .suspect)].map { name, status in
                ClusterView.Member(
                    name: name, address: "127.0.0.1:7947", http: "127.0.0.1:8081", status: status, incarnation: 1,
                    ringShare: 0.3, devices: 3, version: "0.1.0", since: .now)
            }
            state.devices = (1...10).map { index in
                let isSilent = index == 7
                return LatestDevice(
                    index == 9 ? "greenhouse/north-wing/very-long-sensor-name-0009" : "device-0\(index % 10)",
                    metrics.prefix(1 + index % 3).map { name, value in
                        let isAlarm = index == 4 && name == "humidity"
                        let result: ScoreResult =
                            isAlarm ? .anomaly : index == 6 ? .learning : index == 10 ? .unscored : .normal
                        return LatestMetric(
                            name, value + Double(index) / 3, result, score: isAlarm ? 0.93 : 0.08, isSilent: isSilent,
                            time: .now)
                    },
                    isSilent: isSilent, time: .now)
            }
        }
        return node
    }

    /// Points of the last minutes for every series, put where the page keeps its own, before it starts.
    private static let memories = """
        (async () => {
            const page = await (await fetch('/')).text();
            const folder = page.match(/\\/assets\\/[0-9a-f]+\\//)[0];
            const { History, storage } = await import(folder + 'history.js');
            const history = new History(storage());
            const devices = await (await fetch('/latest')).json();
            let seed = 1;
            const draw = () => (seed = (seed * 16807) % 2147483647) / 2147483647 - 0.5;
            for (const device of devices) for (const metric of device.metrics) {
                let value = metric.value;
                for (let step = 100; step > 0; step -= 1) {
                    value += draw() * metric.value * 0.02 + (metric.value - value) * 0.1;
                    const isAnomaly = metric.result === 'anomaly' && step < 4;
                    history.add(device.device_id, metric.type, Date.now() - step * 2500, isAnomaly ? value * 1.3 : value, isAnomaly);
                }
            }
            history.save(Date.now());
        })()
        """

    /// Texts whose colour is too near their ground's (WCAG AA: 4.5 to 1), by their own words.
    private static let faint = """
        (() => {
            const parse = text => (text.match(/[\\d.]+/g) ?? []).map(Number);
            const light = ([r, g, b]) => [r, g, b].map(c => c / 255).map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
                .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
            const ground = element => {
                for (let e = element; e; e = e.parentElement) {
                    const colour = parse(getComputedStyle(e).backgroundColor);
                    if (colour.length === 3 || colour[3] > 0.99) return colour;
                }
                return [255, 255, 255];
            };
            const faint = [];
            for (const element of document.querySelectorAll('body *')) {
                const text = [...element.childNodes].filter(n => n.nodeType === 3).map(n => n.data.trim()).join('');
                if (!text || element.closest('template, .unseen, .skip, noscript') || !element.getClientRects().length) continue;
                const [a, b] = [light(parse(getComputedStyle(element).color)), light(ground(element))];
                const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
                if (ratio < 4.5) faint.push(`${text} ${ratio.toFixed(2)}`);
            }
            return faint;
        })()
        """

    @Test func itFitsAndCanBeReadAtEverySize() async throws {
        let api = try makeAPI(fleet(), files: files(charts: "/usr/share/javascript/chart.js"))
        try await withServer(api) { port, _ in
            try await Browser.run { browser in
                try await browser.open("http://127.0.0.1:\(port)/health")
                _ = try await browser.value(of: Self.memories)
                for (width, height) in [(1440, 900), (390, 844), (2560, 1440), (320, 568)] {
                    for isDark in [false, true] {
                        try await Self.look(browser, port: port, width, height, isDark: isDark)
                    }
                }
            }
        }
    }

    private static func look(_ browser: Browser, port: Int, _ width: Int, _ height: Int, isDark: Bool) async throws {
        let name = "dashboard-\(width)x\(height)-\(isDark ? "dark" : "light")"
        try await browser.resize(width, height, isDark: isDark)
        try await browser.open("http://127.0.0.1:\(port)/")
        try await browser.wait(
            until: "document.querySelector('[data-drawn=\"true\"]') && document.getElementById('node').textContent")
        let overflow = try await browser.value(of: "document.scrollingElement.scrollWidth - innerWidth")
        #expect((overflow as? Int ?? 1) <= 0, "\(name) is wider than its window")
        #expect(try await browser.value(of: faint) as? [String] == [], "\(name) has faint text")
        Attachment.record(try await browser.screenshot(), named: name + ".png")
    }
}

extension Instant {
    /// The page shows ages, so its devices must have been measured now.
    fileprivate static var now: Instant {
        Instant(microseconds: Int64(Date.now.timeIntervalSince1970 * 1e6))
    }
}
