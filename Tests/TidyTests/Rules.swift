/// What a rule found: printed as `path:line: what`.
struct Finding: Hashable, Sendable, CustomStringConvertible {
    let path: String
    let line: Int
    let what: String

    var description: String { "\(path):\(line): \(what)" }
}

/// A call that has a better one.
struct BannedCall: Hashable, Sendable {
    /// As it stands in code. A letter at its start must start a word.
    let text: String
    let instead: String
    /// Fine when this follows on the same line.
    var unless: String?

    func find(in file: SourceFile) -> [Finding] {
        guard file.code.contains(text) else { return [] }
        return file.codeLines.enumerated().compactMap { index, line in
            guard occurs(in: line) else { return nil }
            return Finding(path: file.path, line: index + 1, what: "'\(text)': \(instead)")
        }
    }

    private func occurs(in line: Substring) -> Bool {
        for range in line.ranges(of: text) {
            let rest = line[range.upperBound...]
            if let unless, rest.contains(unless) { continue }
            if text.first?.isLetter == true, let before = line[..<range.lowerBound].last, isWord(before) { continue }
            if text.last?.isLetter == true, let after = rest.first, isWord(after) { continue }
            return true
        }
        return false
    }

    private func isWord(_ character: Character) -> Bool {
        character.isLetter || character.isNumber || character == "_"
    }
}

enum Rules {
    /// A core never asks the world for the time, for chance, or for a thread, and never ends the process over data.
    static let bannedInPureTargets: [BannedCall] = [
        BannedCall(text: ".now", instead: "take the time as a parameter"),
        BannedCall(text: "ContinuousClock", instead: "take the time as a parameter"),
        BannedCall(text: "SuspendingClock", instead: "take the time as a parameter"),
        BannedCall(text: "Date(", instead: "take an Instant as a parameter"),
        BannedCall(text: "random(", instead: "draw from a SeededGenerator", unless: "using:"),
        BannedCall(text: "randomElement(", instead: "draw from a SeededGenerator", unless: "using:"),
        BannedCall(text: "shuffled(", instead: "shuffle with a SeededGenerator", unless: "using:"),
        BannedCall(text: "shuffle(", instead: "shuffle with a SeededGenerator", unless: "using:"),
        BannedCall(text: "SystemRandomNumberGenerator", instead: "draw from a SeededGenerator"),
        BannedCall(text: "Task {", instead: "effects are data; the driver runs them"),
        BannedCall(text: "Task.detached", instead: "effects are data; the driver runs them"),
        BannedCall(text: "print(", instead: "return it"),
    ]

    static let bannedInSources: [BannedCall] = [
        BannedCall(text: "fatalError(", instead: "throw, or a precondition with the state in its text"),
        BannedCall(text: "try!", instead: "handle the error"),
        BannedCall(text: "Task.sleep(nanoseconds", instead: "sleep for a Duration"),
    ]

    static let bannedInTests: [BannedCall] = [
        BannedCall(text: "Task.sleep", instead: "wait for the condition, or drive a clock"),
        BannedCall(text: "Thread.sleep", instead: "wait for the condition, or drive a clock"),
        BannedCall(text: "usleep(", instead: "wait for the condition, or drive a clock"),
        BannedCall(text: "nanosleep(", instead: "wait for the condition, or drive a clock"),
        BannedCall(text: "ContinuousClock().sleep", instead: "wait for the condition, or drive a clock"),
        BannedCall(text: "try!", instead: "mark the test as throwing"),
    ]

    /// Modules that a pure target may import besides pure targets.
    static func allowedLibraries(of target: String) -> Set<String> {
        target == "Detection" ? ["RealModule"] : []
    }

    static func imports(in file: SourceFile, pureTargets: Set<String>) -> [Finding] {
        guard let target = file.target, pureTargets.contains(target) else { return [] }
        let allowed = pureTargets.union(allowedLibraries(of: target))
        return file.codeLines.enumerated().compactMap { index, line in
            let words = line.split(separator: " ")
            guard let keyword = words.firstIndex(of: "import"), words.indices.contains(keyword + 1) else { return nil }
            guard words[..<keyword].allSatisfy({ isImportModifier($0) }) else { return nil }
            // `import struct Foundation.Date` names the module after the kind.
            let name = words[words.index(before: words.endIndex)].split(separator: ".").first.map(String.init) ?? ""
            guard !allowed.contains(name) else { return nil }
            return Finding(path: file.path, line: index + 1, what: "the pure target \(target) imports \(name)")
        }
    }

    private static func isImportModifier(_ word: Substring) -> Bool {
        word.hasPrefix("@") || ["package", "public", "internal", "fileprivate", "private"].contains(String(word))
    }

    /// Names of the targets between `let pure` and the next list in `Package.swift`.
    static func pureTargets(in package: String) -> Set<String> {
        guard let start = package.firstRange(of: "let pure: [Target] = [") else { return [] }
        let list = package[start.upperBound...]
        let end = list.firstRange(of: "\n]")?.lowerBound ?? list.endIndex
        return Set(
            list[..<end].split(separator: "\n").compactMap { line in
                let parts = line.split(separator: "\"", omittingEmptySubsequences: false)
                return line.contains("core(\"") && parts.count > 1 ? String(parts[1]) : nil
            })
    }

    static let unfinishedMarks = ["TO" + "DO", "FIX" + "ME", "XX" + "X:"]

    static func unfinished(path: String, text: String) -> [Finding] {
        guard unfinishedMarks.contains(where: { text.contains($0) }) else { return [] }
        return text.split(separator: "\n", omittingEmptySubsequences: false).enumerated().compactMap { index, line in
            guard let mark = unfinishedMarks.first(where: { line.contains($0) }) else { return nil }
            return Finding(path: path, line: index + 1, what: "'\(mark)': do it, or write down the decision not to")
        }
    }
}
