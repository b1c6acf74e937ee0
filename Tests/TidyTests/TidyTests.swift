import Foundation
import Testing

/// The rules of the house, read off the sources.
@Suite struct TidyTests {
    private let sources: [SourceFile]
    private let tests: [SourceFile]
    private let pureTargets: Set<String>

    /// Read once for all tests.
    private static let files = Result { () throws -> (sources: [SourceFile], tests: [SourceFile]) in
        (try Repository.swiftFiles(in: "Sources"), try Repository.swiftFiles(in: "Tests"))
    }

    init() throws {
        (sources, tests) = try Self.files.get()
        pureTargets = Rules.pureTargets(in: try Repository.read("Package.swift"))
        try #require(sources.count > 20 && tests.count > 10, "the rules must see the sources")
        try #require(pureTargets.isSuperset(of: ["Telemetry", "HashRing", "Detection", "DataPlane"]))
    }

    private var all: [SourceFile] { sources + tests }

    @Test func pureTargetsImportPureTargetsAlone() {
        #expect(sources.flatMap { Rules.imports(in: $0, pureTargets: pureTargets) } == [])
    }

    @Test func pureTargetsCallNothingOfTheWorld() {
        let pure = sources.filter { $0.target.map(pureTargets.contains) ?? false }
        #expect(!pure.isEmpty)
        #expect(Rules.bannedInPureTargets.flatMap { call in pure.flatMap(call.find) } == [])
    }

    @Test func nothingEndsTheProcessOverData() {
        #expect(Rules.bannedInSources.flatMap { call in sources.flatMap(call.find) } == [])
    }

    @Test func testsWaitForConditionsAndNotForTime() {
        #expect(Rules.bannedInTests.flatMap { call in tests.flatMap(call.find) } == [])
    }

    /// Nothing is over this; the exceptions below are between the two limits.
    private static let fileLinesMax = 600

    private static let longFiles = Ratchet(limit: 300, exceptions: [:])

    @Test func filesStaySmall() {
        let sizes = Dictionary(uniqueKeysWithValues: all.map { ($0.path, $0.linesCount) })
        #expect(Self.longFiles.check(sizes) == [])
        #expect(Self.longFiles.exceptions.values.allSatisfy { $0 <= Self.fileLinesMax })
    }

    private static let longFunctions = Ratchet(limit: 70, exceptions: [:])

    @Test func functionsFitOnAScreen() {
        var sizes: [String: Int] = [:]
        for file in all {
            for function in FunctionLengths.all(in: file) {
                let name = "\(file.path) \(function.name)"
                sizes[name] = max(sizes[name] ?? 0, function.linesCount)
            }
        }
        #expect(sizes.count > 200, "the counter must see the functions")
        #expect(Self.longFunctions.check(sizes) == [])
    }

    private static let toolsFolder = "tools"

    /// Shell scripts, by path.
    private static func scripts() throws -> [String] {
        let files = try ["cluster", "cluster/" + toolsFolder].flatMap { folder in
            try Repository.files(in: folder).map { "\(folder)/\($0)" }
        }
        // Folders, and files of no text, are no scripts.
        return files.filter { path in
            guard let text = try? Repository.read(path) else { return false }
            return path.hasSuffix(".sh") || text.hasPrefix("#!/usr/bin/env bash")
        }
    }

    /// Python programs, by path.
    private static func tools() throws -> [String] {
        let folder = "cluster/" + toolsFolder
        return try Repository.files(in: folder).filter { $0.hasSuffix(".py") }.map { "\(folder)/\($0)" }
    }

    @Test func nothingIsLeftUnfinished() throws {
        var findings = all.flatMap { Rules.unfinished(path: $0.path, text: $0.text) }
        findings += Rules.unfinished(path: "Package.swift", text: try Repository.read("Package.swift"))
        for script in try Self.scripts() + Self.tools() {
            findings += Rules.unfinished(path: script, text: try Repository.read(script))
        }
        #expect(findings == [])
        #expect(all.map(\.path).filter { $0.hasSuffix("/_.swift") } == [], "placeholders")
    }

    @Test func theFormatIsTheFormatters() throws {
        let result = try Tool.run(
            "swift", ["format", "lint", "--strict", "--recursive", "--parallel", "Package.swift", "Sources", "Tests"],
            in: Repository.root)
        #expect(result.status == 0, "\(result.output.prefix(4000))")
    }

    @Test(.enabled(if: Tool.find("shellcheck") != nil, "cluster/test installs it"))
    func scriptsAreClean() throws {
        let scripts = try Self.scripts()
        try #require(
            Set(scripts).isSuperset(
                of: [
                    "lib.sh", "servers.sh", "postgres.sh", "campaign", "up", "down", "kill", "stop", "start", "add",
                    "test", "fuzz", "endurance", "init-database.sh", "tools/make-secrets",
                ].map { "cluster/" + $0 }))
        let result = try Tool.run("shellcheck", scripts + [".ci/run"], in: Repository.root)
        #expect(result.status == 0, "\(result.output.prefix(4000))")
    }

    /// A machine without scikit-learn is told so only when a forest is to be loaded.
    @Test(.enabled(if: Tool.find("python3") != nil, "no python3 here"))
    func toolsTellWhatTheyDo() throws {
        let tools = try Self.tools()
        let names = ["check_api.py", "check_manifests.py", "export_isolation_forest.py", "watch_cluster.py"]
        #expect(tools == names.map { "cluster/tools/" + $0 })
        for tool in tools {
            let result = try Tool.run("python3", [tool, "--help"], in: Repository.root)
            #expect(result.status == 0 && result.output.contains("examples:"), "\(result.output.prefix(4000))")
        }
    }
}
