import Foundation
import NodeHarness
import Testing

extension NodeTests {
    /// The dashboard in a real browser, over a real fleet.
    @Suite(.timeLimit(.minutes(2))) struct DashboardTests {
        private static let devicesCount = 10
        private static let browsers = ["chromium", "chromium-browser", "google-chrome"]
        static let browser = browsers.lazy.compactMap { Programs.find($0) }.first

        private struct Device: Decodable {
            struct Metric: Decodable { let type: String }
            let device_id: String
            let metrics: [Metric]
        }

        private func devices(of node: NodeProcess) throws -> [Device] {
            try JSONDecoder().decode([Device].self, from: Data(try node.get("/latest").body))
        }

        /// The page after its scripts have run for a few virtual seconds, which pass only while nothing is loading.
        private func dom(of url: String, in folder: TemporaryFolder) throws -> String {
            let browser = try #require(Self.browser)
            let result = try ChildProcess.run(
                browser,
                [
                    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                    "--disable-background-networking", "--user-data-dir=\(folder.file("browser"))",
                    "--window-size=1600,4000", "--virtual-time-budget=6000", "--dump-dom", url,
                ], limit: .seconds(60))
            guard result.exit == .code(0) else { throw HarnessError("\(browser): \(result.exit) \(result.errors)") }
            return result.output
        }

        @Test(.enabled(if: browser != nil, "needs chromium: apt-get install chromium"))
        func tenDevicesAreTenCardsWithTwoMetricsEach() throws {
            let folder = try TemporaryFolder()
            let node = try NodeProcess.ready(at: try NodeTests.place(in: folder))
            let url = "http://127.0.0.1:\(node.port)"
            let fleet = try ChildProcess(
                try Programs.starling(),
                ["simulate", "--server", url, "--devices", "\(Self.devicesCount)", "--interval", "0.2"],
                output: folder.file("fleet.log"))
            let deadline = Deadline(in: .seconds(30))
            while try devices(of: node).filter({ $0.metrics.count == 2 }).count < Self.devicesCount {
                try #require(!deadline.isPast && fleet.isRunning, "the fleet does not show up")
                fleet.nap(20)
            }
            let page = try dom(of: url, in: folder)
            let heard = try devices(of: node)
            #expect(try fleet.terminate(within: .seconds(15)) == .code(0))

            let cards = page.components(separatedBy: "<article ").dropFirst().compactMap { part in
                part.contains("data-device=\"") ? part.components(separatedBy: "</article>").first : nil
            }
            #expect(cards.count == Self.devicesCount)
            for device in heard {
                let card = try #require(cards.first { $0.contains("data-device=\"\(device.device_id)\"") })
                #expect(card.components(separatedBy: "<li class=\"metric\"").count - 1 == 2)
                for metric in device.metrics { #expect(card.contains(">\(metric.type)<")) }
                #expect(card.contains(">online<"))
            }
            #expect(page.contains(">\(Self.devicesCount)</b> <span>devices</span>"))
            try NodeTests.stop(node)
        }
    }
}
