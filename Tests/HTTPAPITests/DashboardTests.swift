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
                    Self.evil, [LatestMetric("<b>bold</b>", -7.25, .learning)], isSilent: true))
            state.ticks = true
        }
        return node
    }

    private func inBrowser(_ node: FakeNode, _ body: (Browser, String) async throws -> Void) async throws {
        let api = try makeAPI(node, files: files(charts: HTTPSettings.defaultChartFolder))
        try await withServer(api) { port, _ in
            try await Browser.run { browser in try await body(browser, "http://127.0.0.1:\(port)/") }
        }
    }

    @Test func thereIsACardADevice() async throws {
        try await inBrowser(fleet(count: 9)) { browser, address in
            try await browser.open(address)
            try await browser.wait(until: "document.querySelectorAll('[data-device]').length === 10")
            let ids = try await browser.value(
                of: "[...document.querySelectorAll('[data-device]')].map(e => e.dataset.device)")
            #expect(ids as? [String] == (0..<9).map { "device-0\($0)" } + [Self.evil])
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
            try await browser.wait(until: "\(graph)?.dataset.points >= 3")
            node.change { $0.ticks = false }
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

    /// The memory of the graphs, against storages that are full, broken, or refuse.
    @Test func itsMemoryIsBoundedAndTrustsNothing() async throws {
        try await inBrowser(fleet(count: 1)) { browser, address in
            try await browser.open(address)
            let verdict = try await browser.value(
                of: """
                    (async () => {
                        const folder = document.querySelector('script[type=module]').src.replace('app.js', '');
                        const { History } = await import(folder + 'history.js');
                        const store = (text, roomMax) => ({
                            text, tries: 0,
                            getItem() { return this.text; },
                            setItem(key, text) { this.tries += 1; if (text.length > roomMax) throw new Error('quota'); this.text = text; },
                        });
                        const wrong = [];
                        const check = (what, holds) => { if (!holds) wrong.push(what); };

                        for (const text of ['{', 'null', '7', '{}', '[7]', '[["a"]]', '[["a",[["t",[[1],[null,2],["x",1],7]]]]]', '[[1,[]]]']) {
                            const history = new History(store(text, 1e9));
                            check('corrupt ' + text, history.points('a', 't').length === 0);
                            history.add('a', 't', 1, 2, false);
                            check('usable after ' + text, history.points('a', 't').length === 1);
                        }

                        const roomy = store(null, 1e9);
                        const history = new History(roomy);
                        for (let time = 0; time < 1000; time += 1) history.add('a', 't', time, time / 3, time % 2 === 0);
                        history.add('a', 't', 5, 5, false);
                        history.add('a', 'u', Number.NaN, 5, false);
                        check('bounded', history.points('a', 't').length === 120);
                        check('newest kept', history.points('a', 't')[119][0] === 999);
                        history.save(1);
                        const again = new History(roomy);
                        check('same after a reload', JSON.stringify(again.points('a', 't')) === JSON.stringify(history.points('a', 't')));
                        again.keepOnly(new Set(['b']));
                        check('forgets', again.points('a', 't').length === 0);

                        const tight = store(null, 700);
                        const squeezed = new History(tight);
                        for (let time = 0; time < 120; time += 1) squeezed.add('a', 't', time, 1, false);
                        squeezed.save(1);
                        const kept = new History(tight).points('a', 't');
                        check('a full storage keeps the newest', kept.length >= 15 && kept.length < 120 && kept.at(-1)[0] === 119);

                        const none = store(null, -1);
                        const refused = new History(none);
                        refused.add('a', 't', 1, 1, false);
                        refused.save(1);
                        check('a storage that refuses is left alone', none.tries > 0 && none.tries < 10);
                        const off = new History(null);
                        off.add('a', 't', 1, 1, false);
                        off.save(1);
                        check('no storage at all', off.points('a', 't').length === 1);
                        for (let device = 0; device < 5000; device += 1) off.add('d' + device, 't', 1, 1, false);
                        check('devices are bounded', off.points('d4999', 't').length === 0);
                        return wrong;
                    })()
                    """)
            #expect(verdict as? [String] == [])
        }
    }

    @Test func nothingInThePageBreaksItsOwnPolicy() async throws {
        try await inBrowser(fleet(count: 3)) { browser, address in
            try await browser.open(address)
            let broken = try await browser.value(
                of: """
                    new Promise(resolve => {
                        const broken = [];
                        addEventListener('securitypolicyviolation', event => broken.push(event.blockedURI + event.violatedDirective));
                        const look = () => document.querySelector('[data-drawn="true"]') ? resolve(broken) : setTimeout(look, 20);
                        look();
                    })
                    """)
            #expect(broken as? [String] == [])
        }
    }
}
