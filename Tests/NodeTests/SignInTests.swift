import BrowserHarness
import Foundation
import NodeHarness
import Testing

extension NodeTests {
    /// A person who signs in to the dashboard of a node with keys, in a real browser.
    @Suite(.timeLimit(.minutes(3))) struct SignInTests {
        private static let reader = "starling_of-somebody-who-reads-in-the-test"
        private static let sender = "starling_of-somebody-who-sends-in-the-test"
        private static let isSignInPage = "document.querySelector('form[action=\"/session\"]') !== null"
        private static let isDashboard = "document.querySelector('article[data-device]') !== null"

        private static func signIn(_ key: String, in browser: Browser) async throws {
            _ = try await browser.value(of: "document.querySelector('#key').value = '\(key)', 1")
            // Later: the page that is asked must still be there to answer.
            _ = try await browser.value(of: "setTimeout(() => document.querySelector('form').requestSubmit(), 50), 1")
        }

        @Test func theKeyIsAskedForOnceAndNeverSeenAgain() async throws {
            let folder = try TemporaryFolder()
            var place = try NodeTests.place(in: folder)
            place.environment["STARLING_API_KEYS"] = "read:\(Self.reader),ingest:\(Self.sender)"
            let node = try NodeProcess.ready(at: place)
            let posted = try HTTPConnection(port: node.port).ask(
                "POST", "/data",
                headers: [("Content-Type", "application/json"), ("Authorization", "Bearer \(Self.sender)")],
                body: Array(#"{"device_id":"press-7","metrics":[{"type":"t","value":21.5}]}"#.utf8))
            #expect(posted.status == 202)
            let url = "http://127.0.0.1:\(node.port)/"
            try await Browser.run { browser in
                for isDark in [false, true] {
                    for (width, height) in [(1440, 900), (390, 844)] {
                        try await browser.resize(width, height, isDark: isDark)
                        try await browser.open(url)
                        try await browser.wait(until: Self.isSignInPage)
                        #expect(try await browser.audit() == [])
                        Attachment.record(
                            try await browser.screenshot(), named: "sign-in-\(width)-\(isDark ? "dark" : "light").png")
                    }
                }
                // A wrong key, one that may not read, and the right one.
                try await Self.signIn("wrong", in: browser)
                try await browser.wait(acrossPagesUntil: "document.body.innerText.includes('not known here')")
                try await Self.signIn(Self.sender, in: browser)
                try await browser.wait(acrossPagesUntil: "document.body.innerText.includes('may not read')")
                try await Self.signIn(Self.reader, in: browser)
                try await browser.wait(acrossPagesUntil: Self.isDashboard)
                #expect(try await browser.value(of: "location.href") as? String == url)
                #expect(try await browser.value(of: "document.cookie") as? String == "", "no script sees the key")
                // It is kept over a reload, until one signs out.
                try await browser.reload()
                try await browser.wait(acrossPagesUntil: Self.isDashboard)
                try await browser.wait(acrossPagesUntil: "!document.querySelector('#sign-out').hidden")
                #expect(try await browser.audit() == [])
                _ = try await browser.value(
                    of: "setTimeout(() => document.querySelector('#sign-out').click(), 50), 1")
                try await browser.wait(acrossPagesUntil: Self.isSignInPage)
            }
            try NodeTests.stop(node)
        }
    }
}
