import Foundation
import HTTPAPI
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Testing

@Suite struct FilesTests {
    @Test func thePageIsServedWithItsPolicy() async throws {
        let response = try await answer(FakeNode(), .get, "/")
        #expect(response.status == .ok)
        #expect(response.headers[.contentType] == "text/html; charset=utf-8")
        #expect(response.headers[.contentSecurityPolicy]?.hasPrefix("default-src 'self'") == true)
        #expect(response.headers[.contentSecurityPolicy]?.contains("unsafe") == false)
        #expect(response.headers[.xContentTypeOptions] == "nosniff")
        #expect(response.headers[.cacheControl] == "no-cache")
        #expect(!response.text.contains("__VERSION__"))
        #expect(!response.text.contains("://"), "the page names another server")
        let tag = try #require(response.headers[.eTag])
        #expect(try await answer(FakeNode(), .get, "/", [.ifNoneMatch: tag]).status == .notModified)
    }

    @Test func everyFileThePageNamesIsThereForEver() async throws {
        let page = try await answer(FakeNode(), .get, "/").text
        let names = page.matches(of: /\/assets\/[0-9a-f]+\/[a-z.]+/).map { String($0.output) }
        #expect(names.count == 4)
        for name in names where !name.hasSuffix("/chart.js") {
            let response = try await answer(FakeNode(), .get, name)
            #expect(response.status == .ok, "\(name)")
            #expect(response.headers[.cacheControl] == "public, max-age=31536000, immutable")
            #expect(response.headers[.xContentTypeOptions] == "nosniff")
            let packed = try await answer(FakeNode(), .get, name, [.acceptEncoding: "gzip"])
            #expect(packed.headers[.contentEncoding] == "gzip")
            #expect(try gunzip(packed) == response.text)
        }
    }

    @Test func modulesNameOnlyFilesThatAreThere() async throws {
        let page = try await answer(FakeNode(), .get, "/").text
        let folder = try #require(page.firstMatch(of: /\/assets\/[0-9a-f]+\//)).output
        var wanted = ["app.js"]
        var seen: Set<String> = []
        while let name = wanted.popLast() {
            guard seen.insert(name).inserted else { continue }
            let response = try await answer(FakeNode(), .get, folder + name)
            #expect(response.status == .ok, "\(name)")
            #expect(response.headers[.contentType] == "text/javascript; charset=utf-8")
            #expect(!response.text.contains("innerHTML"), "\(name) makes markup of text")
            wanted += response.text.matches(of: /from "\.\/([a-z.]+)"/).map { String($0.output.1) }
        }
        #expect(seen.count >= 5)
    }

    @Test func filesOfAnotherVersionAreNotKeptForEver() async throws {
        let response = try await answer(FakeNode(), .get, "/assets/0000/app.js")
        #expect(response.status == .ok)
        #expect(response.headers[.cacheControl] == "no-cache")
    }

    @Test(arguments: [
        "/assets/x/nothing.js", "/assets/x/../index.html", "/assets/x/%2e%2e/openapi.json", "/assets/x/index.html",
    ])
    func nothingElseIsServed(path: String) async throws {
        try expectProblem(try await answer(FakeNode(), .get, path), .notFound)
    }

    @Test func chartsComeFromTheMachinesFolder() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "starling-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try Data("globalThis.Chart = 1".utf8).write(to: folder.appending(path: "chart.min.js"))
        let with = files(charts: folder.path)
        #expect(try with.get().hasCharts)
        #expect(try !sharedFiles.get().hasCharts)
        try await makeAPI(FakeNode(), files: with).makeApplication().test(.router) { client in
            let response = try await client.execute(uri: "/assets/x/chart.js", method: .get)
            #expect(response.text == "globalThis.Chart = 1")
        }
        try expectProblem(try await answer(FakeNode(), .get, "/assets/x/chart.js"), .notFound)
    }
}
