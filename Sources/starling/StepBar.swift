import Foundation

/// A few steps as a bar on a terminal; nothing where nobody looks.
final class StepBar {
    private let steps: Int
    private var done = 0
    private let isShown = isatty(STDERR_FILENO) == 1
    private static let width = 24

    init(steps: Int) {
        self.steps = steps
    }

    /// Begins a step; the one before it is done.
    func step(_ what: String) {
        done += 1
        guard isShown else { return }
        let filled = Self.width * min(done, steps) / steps
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: Self.width - filled)
        FileHandle.standardError.write(Data("\r\u{1B}[K\(bar) \(what)".utf8))
    }

    func end() {
        guard isShown else { return }
        FileHandle.standardError.write(Data("\r\u{1B}[K".utf8))
    }
}
