import Foundation
import Testing

/// Each rule, fed with what it must find and what it must leave alone: a check that cannot fail is worse than none.
@Suite struct RuleTests {
    private func file(_ text: String, path: String = "Sources/HashRing/X.swift") -> SourceFile {
        SourceFile(path: path, text: text)
    }

    @Test(arguments: [
        ("import Foundation", 1), ("package import Glibc\n", 1), ("@preconcurrency import Dispatch", 1),
        ("import struct Foundation.Date", 1), ("import Telemetry\npackage import HashRing\n", 0),
        ("// import Foundation", 0),
        ("import RealModule", 1), ("let text = \"\"\"\n    import Foundation\n    \"\"\"", 0),
    ])
    func importsOfPureTargets(text: String, findings: Int) {
        let pure: Set = ["Telemetry", "HashRing", "Detection"]
        #expect(Rules.imports(in: file(text), pureTargets: pure).count == findings)
        #expect(Rules.imports(in: file(text, path: "Sources/HTTPAPI/X.swift"), pureTargets: pure).isEmpty)
    }

    @Test func detectionMayImportItsMathematics() {
        let file = file("import RealModule", path: "Sources/Detection/X.swift")
        #expect(Rules.imports(in: file, pureTargets: ["Detection"]).isEmpty)
    }

    @Test func pureTargetsAreReadFromThePackage() {
        let package = """
            let pure: [Target] = [
                core("Telemetry"),
                core("Detection", ["Telemetry", numerics]),
            ]

            let shells: [Target] = [
                library("Roles", ["Telemetry"]),
            ]
            """
        #expect(Rules.pureTargets(in: package) == ["Telemetry", "Detection"])
    }

    @Test(arguments: [
        "let t = ContinuousClock.now", "let x = Int.random(in: 0..<5)", "let y = list.randomElement()",
        "list.shuffle()",
        "Task { await x() }", "Task.detached { }", "print(1)", "let d = Date()", "let c: ContinuousClock",
        "var g = SystemRandomNumberGenerator()", "f(.now)",
    ])
    func callsThatAPureTargetMustNotMake(code: String) {
        #expect(Rules.bannedInPureTargets.contains { !$0.find(in: file(code)).isEmpty })
    }

    @Test(arguments: [
        "let x = Int.random(in: 0..<5, using: &generator)", "// Task { }", "let text = \"print(1)\"",
        "let nowhere = x.nowhere",
        "imprint(1)", "func validDate(", "subTask {", "/* .now */ let a = 1", "let t = #\"Date(\"#", "sprint(3)",
        "list.shuffled(using: &generator)",
    ])
    func callsThatAPureTargetMayMake(code: String) {
        #expect(Rules.bannedInPureTargets.flatMap { $0.find(in: file(code)) } == [])
    }

    @Test(arguments: ["fatalError(\"x\")", "let x = try! f()"])
    func callsThatNoSourceMayMake(code: String) {
        #expect(Rules.bannedInSources.contains { !$0.find(in: file(code)).isEmpty })
    }

    @Test(arguments: ["try await Task.sleep(for: .seconds(1))", "usleep(5)", "Thread.sleep(forTimeInterval: 1)"])
    func sleepsInTests(code: String) {
        #expect(Rules.bannedInTests.contains { !$0.find(in: file(code)).isEmpty })
        #expect(Rules.bannedInTests.flatMap { $0.find(in: file("let a = \"\(code)\"")) } == [])
    }

    @Test func findingsNameTheLine() {
        let findings = Rules.bannedInSources.flatMap { $0.find(in: file("a\n\nlet x = try! f()\n")) }
        #expect(findings.map(\.line) == [3])
    }

    @Test func unfinishedMarksAreFound() {
        for mark in Rules.unfinishedMarks {
            #expect(Rules.unfinished(path: "p", text: "a\n// \(mark) b\n").map(\.line) == [2])
        }
        #expect(Rules.unfinished(path: "p", text: "all done\n") == [])
    }

    @Test(arguments: [
        ("a // b\nc", "a     \nc"), ("a /* b /* c */ d */ e", "a                   e"),
        ("\"a\\\"b\" c", "\"    \" c"),
        ("#\"a\"b\"# c", "#\"   \"# c"), ("\"\"\"\na\"b\n\"\"\" c", "\"\"\"\n   \n\"\"\" c"),
        ("\"\\(f(\")\"))x\" y", "\"          \" y"),
        ("#if os(Linux)\n", "#if os(Linux)\n"),
    ])
    func codeIsWhatIsNeitherCommentNorText(text: String, code: String) {
        #expect(SourceText.withoutCommentsAndStrings(text) == code)
    }

    @Test func functionsAreCountedFromTheirDeclarationToTheirBrace() {
        let text = """
            protocol P {
                func required() -> Int
                init(x: Int)
            }
            struct S {
                init(x: Int = { 1 }()) { self.x = x }
                func long(
                    a: Int
                ) -> Int
                where A: B {
                    if a > 0 { return "}" }
                    return list.map { $0 }
                }
                subscript(i: Int) -> Int {
                    get { 1 }
                }
                var y: Int { S.init(x: 3) }
            }

            """
        let counted = FunctionLengths.all(in: file(text)).map { "\($0.name) \($0.line) \($0.linesCount)" }
        #expect(counted == ["init 6 1", "long 7 7", "subscript 14 3"])
    }

    @Test func aRatchetHoldsWhatIsAndLetsNothingGrow() {
        let ratchet = Ratchet(limit: 10, exceptions: ["old": 15, "fixed": 12, "gone": 11, "smaller": 20])
        let problems = ratchet.check(["old": 15, "fixed": 10, "smaller": 18, "new": 11, "fine": 10])
        #expect(
            problems == [
                "new has 11 lines; 10 are allowed", "fixed is within 10 lines: take it off the list",
                "gone is gone: take it off the list", "smaller shrank to 18 lines: write that into the list",
            ])
        #expect(Ratchet(limit: 10, exceptions: ["old": 15]).check(["old": 16]) == ["old has 16 lines; 15 are allowed"])
    }

    @Test func linesAreCountedWithAndWithoutALastLineEnd() {
        #expect(file("a\nb\n").linesCount == 2 && file("a\nb").linesCount == 2 && file("").linesCount == 0)
    }

    @Test func theFormatterFindsABadFormat() throws {
        try Tool.withFolder { folder in
            try "struct  S{var x:Int! = nil;}\n".write(
                to: folder.appending(path: "Bad.swift"), atomically: true, encoding: .utf8)
            let configuration = Repository.root.appending(path: ".swift-format").path
            let result = try Tool.run(
                "swift", ["format", "lint", "--strict", "--configuration", configuration, "Bad.swift"], in: folder)
            #expect(result.status == 1 && result.output.contains("Bad.swift:1"))
        }
    }

    @Test(.enabled(if: Tool.find("shellcheck") != nil, "cluster/test installs it"))
    func shellcheckFindsABadScript() throws {
        try Tool.withFolder { folder in
            try "#!/bin/bash\nrm -rf $1/*\n".write(
                to: folder.appending(path: "bad"), atomically: true, encoding: .utf8)
            let result = try Tool.run("shellcheck", ["bad"], in: folder)
            #expect(result.status == 1 && result.output.contains("SC2086"))
        }
    }

    @Test func aMissingToolIsAFailureAndNoCrash() throws {
        #expect(try Tool.run("no-such-program", [], in: Repository.root).status == 127)
    }
}
