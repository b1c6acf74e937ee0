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
        let policy = try #require(response.headers[.contentSecurityPolicy])
        #expect(policy.hasPrefix("default-src 'self'"))
        for word in ["unsafe", "*", "http:", "https:", "blob:", "data:"] { #expect(!policy.contains(word), "\(word)") }
        let rules = policy.split(separator: "; ").map { $0.split(separator: " ") }
        #expect(Set(rules.map(\.first)).count == rules.count, "a browser takes the first of two rules for one thing")
        // What a rule names for itself no longer follows the default.
        for rule in rules { #expect(rule.count == 2 && ["'self'", "'none'"].contains(rule[1]), "\(rule)") }
        #expect(response.headers[.xContentTypeOptions] == "nosniff")
        #expect(response.headers[.cacheControl] == "no-cache")
        #expect(!response.text.contains("__VERSION__"))
        #expect(!response.text.contains("://"), "the page names another server")
        let tag = try #require(response.headers[.eTag])
        #expect(try await answer(FakeNode(), .get, "/", [.ifNoneMatch: tag]).status == .notModified)
    }

    @Test func everyFileThePageNamesIsThereForEver() async throws {
        let page = try await answer(FakeNode(), .get, "/").text
        let names = page.matches(of: /\/assets\/[0-9a-f]+\/[a-z0-9_.\/-]+/).map { String($0.output) }
        // Its modules too, so that they all come at once.
        let folder = #filePath.components(separatedBy: "/Tests/")[0] + "/Sources/HTTPAPI/Dashboard"
        let files = try #require(FileManager.default.enumerator(atPath: folder)).compactMap { $0 as? String }
        let wanted = Set(files.filter { $0.contains(".") && $0 != "index.html" } + ["chart.js"])
        #expect(Set(names.map { $0.split(separator: "/").dropFirst(2).joined(separator: "/") }) == wanted)
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
            let module = try #require(URL(string: "http://node/" + name))
            for match in response.text.matches(of: /(?:from|import) "(\.\.?\/[a-z0-9_.\/-]+)"/) {
                let path = try #require(URL(string: String(match.output.1), relativeTo: module)).path
                wanted.append(String(path.dropFirst()))
            }
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
        "/assets/x/", "/assets//", "/assets/x//app.js", "/assets/x/./app.js", "/assets/x/fleet/../app.js",
        "/assets/x/%2Fapp.js", "/assets/x/app.js/", "/assets/x/../../../../etc/passwd", "/assets/x//etc/passwd",
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

    @Test func filesInFoldersAreServedByTheirPaths() async throws {
        try await withFolder { folder in
            try write(["index.html", "app.js", "fleet/stream.js", "a/b/c/deep.css", "a/b/c/d/deeper.js"], in: folder)
            try await makeAPI(FakeNode(), files: dashboard(in: folder)).makeApplication().test(.router) { client in
                for name in ["app.js", "fleet/stream.js", "a/b/c/deep.css"] {
                    let response = try await client.execute(uri: "/assets/x/" + name, method: .get)
                    #expect(response.status == .ok)
                    #expect(response.text == name)
                    let type = name.hasSuffix("css") ? "text/css; charset=utf-8" : "text/javascript; charset=utf-8"
                    #expect(response.headers[.contentType] == type)
                }
                for name in [
                    "stream.js", "fleet", "fleet/", "fleet/../app.js", "fleet/%2e%2e/app.js", "fleet//stream.js",
                    "fleet%2Fstream.js", "fleet/app.js", "a/b/c/d/deeper.js", "index.html",
                ] {
                    let response = try await client.execute(uri: "/assets/x/" + name, method: .get)
                    try expectProblem(response, .notFound)
                }
            }
        }
    }

    @Test func theVersionIsOfAllPathsAndContents() async throws {
        var versions: Set<String> = []
        for (paths, text) in [
            (["fleet/stream.js"], nil), (["fleet/stream.js"], "other"), (["stream.js"], nil),
            (["flee/tstream.js"], nil), (["fleet/stream.js", "fleet/page.html"], nil),
        ] as [([String], String?)] {
            try await withFolder { folder in
                try write(["index.html"], in: folder, text: "__VERSION__")
                try write(paths, in: folder, text: text)
                let page = try await makeAPI(FakeNode(), files: dashboard(in: folder)).makeApplication().test(.router) {
                    try await $0.execute(uri: "/", method: .get).text
                }
                #expect(page.wholeMatch(of: /[0-9a-f]{16}/) != nil)
                versions.insert(page)
            }
        }
        #expect(versions.count == 5)
    }

    @Test func aLinkThatLeadsInACircleEnds() async throws {
        try await withFolder { folder in
            try write(["index.html", "app.js"], in: folder)
            try FileManager.default.createSymbolicLink(
                at: folder.appending(path: "round"), withDestinationURL: folder)
            try await makeAPI(FakeNode(), files: dashboard(in: folder)).makeApplication().test(.router) { client in
                let near = try await client.execute(uri: "/assets/x/round/app.js", method: .get)
                #expect(near.status == .ok)
                let far = try await client.execute(uri: "/assets/x/round/round/round/round/app.js", method: .get)
                try expectProblem(far, .notFound)
            }
        }
    }

    @Test func withoutAPageNothingStarts() async throws {
        try await withFolder { folder in
            try write(["fleet/index.html"], in: folder)
            let error = HTTPAPIError.resourceMissing(folder.path + "/index.html")
            #expect(throws: error) { try dashboard(in: folder).get() }
        }
    }

    private func dashboard(in folder: URL) -> Result<DashboardFiles, HTTPAPIError> {
        Result { () throws(HTTPAPIError) in
            try DashboardFiles(folder: folder.path, chartFolder: "/nowhere", logger: quietLogger)
        }
    }

    /// Files that hold their own paths, if nothing else.
    private func write(_ paths: [String], in folder: URL, text: String? = nil) throws {
        for path in paths {
            let file = folder.appending(path: path)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data((text ?? path).utf8).write(to: file)
        }
    }

    private func withFolder(_ body: (URL) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "starling-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try await body(folder)
    }
}
