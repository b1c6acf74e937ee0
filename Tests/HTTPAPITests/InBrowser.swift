import BrowserHarness
import HTTPAPI

/// The page over a node made of values, served by the real server.
func inBrowser(_ node: FakeNode, _ body: (Browser, String) async throws -> Void) async throws {
    let api = try makeAPI(node, files: files(charts: HTTPSettings.defaultChartFolder))
    try await withServer(api) { port, _ in
        try await Browser.run { browser in try await body(browser, "http://127.0.0.1:\(port)/") }
    }
}
