import BrowserHarness
import Foundation
import HTTPAPI
import Ports
import Telemetry
import Testing

/// The page at the sizes and in the colours it is made for. Screenshots are attached, for a person to look at
/// (`--attachments-path`); what a program can judge is checked.
@Suite(.serialized) struct DashboardLooksTests {
    private func fleet(count: Int = 10) -> FakeNode {
        let node = FakeNode()
        let metrics: [(String, Double)] = [("humidity", 41.25), ("pressure", 1013.2), ("temperature", 21.53)]
        node.change { state in
            state.members += [("n1", .alive), ("kitchen-node-2", .suspect)].map { name, status in
                ClusterView.Member(
                    name: name, address: "127.0.0.1:7947", http: "127.0.0.1:8081", status: status, incarnation: 1,
                    ringShare: 0.3, devices: 3, version: "0.1.0", since: .now)
            }
            state.clock = Instant.now.microseconds
            state.devices = (1...count).map { index in
                let isSilent = index % 97 == 7
                let number = String(index % count)
                let name = "device-" + String(repeating: "0", count: max(0, 2 - number.count)) + number
                return LatestDevice(
                    index == 9 ? "greenhouse/north-wing/very-long-sensor-name-0009" : name,
                    metrics.prefix(1 + index % 3).map { name, value in
                        let isAlarm = index % 1_000 == 4 && name == "humidity"
                        let result: ScoreResult =
                            isAlarm ? .anomaly : index % 50 == 6 ? .learning : index == 10 ? .unscored : .normal
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
            const { History, storage } = await import(folder + 'fleet/history.js');
            const history = new History(storage());
            const devices = await (await fetch('/latest')).json();
            let seed = 1;
            const draw = () => (seed = (seed * 16807) % 2147483647) / 2147483647 - 0.5;
            for (const device of devices) for (const metric of device.metrics) {
                let value = metric.value;
                for (let step = 100; step > 0; step -= 1) {
                    value += draw() * metric.value * 0.02 + (metric.value - value) * 0.1;
                    const isAnomaly = metric.result === 'anomaly' && step < 4;
                    history.add(device.device_id, metric.type, Date.now() - step * 2500, isAnomaly ? value * 1.3 : value, isAnomaly, [metric.value * 0.97, metric.value * 1.03]);
                }
            }
            history.save(Date.now());
        })()
        """

    private static let pages = [
        ("overview", "#/", "document.querySelector('[data-drawn=\"true\"]')"),
        ("device", "#/device/device-04", "document.querySelectorAll('.metric-panel[data-loading=false]').length === 2"),
        ("anomalies", "#/anomalies", "document.querySelectorAll('.episode').length > 2"),
        ("cluster", "#/cluster", "document.querySelectorAll('.members-table tbody tr').length === 3"),
        ("models", "#/models", "document.querySelectorAll('.model').length === 2"),
    ]

    @Test func everyPageFitsAndCanBeUsedAtEverySize() async throws {
        let node = fleet()
        Self.fill(node)
        try await inBrowser(node) { browser, address in
            try await browser.open(address + "health")
            _ = try await browser.value(of: Self.memories)
            for (name, path, isShown) in Self.pages {
                for (width, height) in [(1440, 900), (390, 844), (2560, 1440), (320, 568)] {
                    for isDark in [false, true] where name == "overview" || (width != 2560 && width != 320) {
                        try await browser.resize(width, height, isDark: isDark)
                        // Another document each time: a change of the part after # alone loads nothing.
                        try await browser.open(address + "health")
                        try await browser.open(address + path)
                        try await browser.wait(
                            until: "\(isShown) && document.getElementById('node').textContent")
                        try await Self.look(browser, "\(name)-\(width)x\(height)-\(isDark ? "dark" : "light")")
                    }
                }
            }
            // Where the page begins there is no page yet that names its icon.
            #expect(browser.complaints.filter { !$0.hasSuffix("/favicon.ico") } == [])
        }
    }

    @Test func tenThousandDevicesAreAList() async throws {
        let node = fleet(count: 10_000)
        Self.fill(node)
        try await inBrowser(node) { browser, address in
            for (width, height) in [(1440, 900), (390, 844)] {
                for isDark in [false, true] {
                    try await browser.resize(width, height, isDark: isDark)
                    try await browser.open(address)
                    try await browser.wait(until: "document.querySelector('.count b').textContent === '10,000'")
                    try await browser.wait(until: "document.querySelectorAll('.row:not([hidden])').length > 5")
                    try await Self.look(browser, "fleet-\(width)x\(height)-\(isDark ? "dark" : "light")")
                }
            }
            let rows = try await browser.value(of: "document.querySelectorAll('.row').length") as? Int
            #expect(try #require(rows) < 60, "only those in sight exist")
        }
    }

    @Test func theListIsWalkedWithKeysAndTheWheel() async throws {
        try await inBrowser(fleet(count: 10_000)) { browser, address in
            try await browser.resize(1440, 900, isDark: false)
            try await browser.open(address)
            try await browser.wait(until: "document.querySelectorAll('.row:not([hidden])').length > 5")
            _ = try await browser.value(of: "document.querySelector('.row-link[tabindex=\"0\"]').focus()")
            let focused = "document.activeElement.closest('.row')?.getAttribute('aria-rowindex')"
            // The first row is the head.
            #expect(try await browser.value(of: focused) as? String == "2")
            for _ in 0..<40 { try await browser.press("ArrowDown") }
            #expect(try await browser.value(of: focused) as? String == "42")
            let isSeen = """
                (() => { const box = document.activeElement.getBoundingClientRect();
                    return box.top >= 0 && box.bottom <= innerHeight; })()
                """
            #expect(try await browser.value(of: isSeen) as? Bool == true)
            try await browser.press("End")
            #expect(try await browser.value(of: focused) as? String == "10001")
            #expect(try await browser.value(of: isSeen) as? Bool == true)
            try await browser.press("Home")
            #expect(try await browser.value(of: focused) as? String == "2")
            // What is scrolled to is what is there: every row in sight is the one of its place.
            let isRight = """
                (async () => {
                    const ids = new Set();
                    for (let top = 0; top < document.scrollingElement.scrollHeight; top += 20011) {
                        scrollTo(0, top);
                        await new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve)));
                        const list = document.querySelector('.rows').getBoundingClientRect();
                        const rows = [...document.querySelectorAll('.row:not([hidden])')];
                        const height = rows[0].getBoundingClientRect().height;
                        for (const row of rows) {
                            const place = Math.round((row.getBoundingClientRect().top - list.top) / height) + 2;
                            if (place !== Number(row.getAttribute('aria-rowindex'))) return `row ${place}`;
                            ids.add(row.querySelector('a').textContent);
                        }
                        if (rows.length * height < innerHeight - Math.max(0, list.top) && list.bottom > innerHeight) return 'a hole at ' + top;
                    }
                    return ids.size > 300 ? 'right' : `only ${ids.size}`;
                })()
                """
            #expect(try await browser.value(of: isRight) as? String == "right")
        }
    }

    private static func look(_ browser: Browser, _ name: String) async throws {
        let found = try await browser.audit()
        #expect(found == [], "\(name)")
        Attachment.record(try await browser.screenshot(), named: name + ".png")
    }
}

extension Instant {
    /// The page shows ages, so its devices must have been measured now.
    static var now: Instant {
        Instant(microseconds: Int64(Date.now.timeIntervalSince1970 * 1e6))
    }
}
