package import Foundation
import Glibc
import Synchronization

/// A headless Chromium, driven by the DevTools protocol over a pipe: JSON messages, each ended by a zero byte.
package final class Browser: Sendable {
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    private struct State {
        var lastID = 0
        var session: String?
        var answers: [Int: CheckedContinuation<Data, any Error>] = [:]
        var events: [String: AsyncStream<Void>.Continuation] = [:]
        var complaints: [String] = []
        var unread = Data()
        var hasEnded = false
    }

    private let process: Process
    private let input = Pipe()
    private let output = Pipe()
    private let profile: URL
    private let state = Mutex(State())

    /// Debian's package is `chromium`.
    private static let names = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]

    package static let advice = "the dashboard's tests need a browser: apt-get install chromium"

    /// Starts a browser, hands it to `body`, ends it.
    package static func run(_ body: (Browser) async throws -> Void) async throws {
        let browser = try Browser()
        do {
            try await browser.attach()
            try await body(browser)
        } catch {
            browser.end()
            throw error
        }
        browser.end()
    }

    private init() throws {
        guard let program = Self.names.first(where: { FileManager.default.isExecutableFile(atPath: $0) }) else {
            throw Failure(description: Self.advice)
        }
        profile = FileManager.default.temporaryDirectory.appending(path: "starling-\(UUID().uuidString)")
        // The protocol speaks on descriptors 3 and 4; only the first three can be given to a Process.
        let script = "exec \"$0\" \"$@\" 3<&0 4>&1 0</dev/null 1>/dev/null 2>/dev/null"
        process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = [
            "-c", script, program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--no-first-run", "--disable-background-networking", "--hide-scrollbars", "--remote-debugging-pipe",
            "--user-data-dir=\(profile.path)", "about:blank",
        ]
        process.standardInput = input
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        output.fileHandleForReading.readabilityHandler = { [weak self] handle in
            self?.receive(handle.availableData)
        }
        try process.run()
    }

    private func attach() async throws {
        let target = try await command("Target.createTarget", ["url": "about:blank"])["targetId"] as? String
        let attached = try await command("Target.attachToTarget", ["targetId": target ?? "", "flatten": true])
        let session = attached["sessionId"] as? String
        state.withLock { $0.session = session }
        for domain in ["Page", "Runtime", "Log", "Performance"] { try await command("\(domain).enable") }
    }

    private func end() {
        // Asked to end, it may first want to end its services, for minutes; nothing of it is worth waiting for.
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        output.fileHandleForReading.readabilityHandler = nil
        try? FileManager.default.removeItem(at: profile)
    }

    // MARK: What a person does

    package func open(_ address: String) async throws {
        try await command("Page.navigate", ["url": address], until: "Page.loadEventFired")
    }

    package func reload() async throws {
        try await command("Page.reload", [:], until: "Page.loadEventFired")
    }

    package func resize(_ width: Int, _ height: Int, isDark: Bool) async throws {
        try await command(
            "Emulation.setDeviceMetricsOverride",
            ["width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600])
        try await command(
            "Emulation.setEmulatedMedia",
            ["features": [["name": "prefers-color-scheme", "value": isDark ? "dark" : "light"]]])
    }

    /// The value of a JavaScript expression, or of the promise it is.
    package func value(of expression: String) async throws -> Any? {
        let answer = try await command(
            "Runtime.evaluate", ["expression": expression, "awaitPromise": true, "returnByValue": true])
        if let exception = answer["exceptionDetails"] as? [String: Any] {
            let thrown = (exception["exception"] as? [String: Any])?["description"]
            throw Failure(description: "\(expression): \(thrown ?? exception)")
        }
        return (answer["result"] as? [String: Any])?["value"]
    }

    package func screenshot() async throws -> Data {
        let answer = try await command("Page.captureScreenshot", ["format": "png"])
        guard let text = answer["data"] as? String, let data = Data(base64Encoded: text) else {
            throw Failure(description: "no screenshot")
        }
        return data
    }

    /// What the page could not do: exceptions nobody caught, files it did not get, what its security policy forbade.
    package var complaints: [String] { state.withLock { $0.complaints } }

    /// Moves a mouse that is pressed, in pixels of the window.
    package func drag(from start: (x: Double, y: Double), to end: (x: Double, y: Double)) async throws {
        func mouse(_ type: String, _ x: Double, _ y: Double) async throws {
            try await command(
                "Input.dispatchMouseEvent",
                ["type": type, "x": x, "y": y, "button": "left", "buttons": 1, "clickCount": 1])
        }
        try await mouse("mousePressed", start.x, start.y)
        try await mouse("mouseMoved", (start.x + end.x) / 2, (start.y + end.y) / 2)
        try await mouse("mouseMoved", end.x, end.y)
        try await mouse("mouseReleased", end.x, end.y)
    }

    /// Presses a key by its name, such as `ArrowDown`.
    package func press(_ key: String) async throws {
        for type in ["keyDown", "keyUp"] {
            var event: [String: Any] = ["type": type, "key": key]
            if type == "keyDown", key.count == 1 { event["text"] = key }
            try await command("Input.dispatchKeyEvent", event)
        }
    }

    /// Seconds and bytes by name, such as `JSHeapUsedSize`.
    package func metrics() async throws -> [String: Double] {
        let answer = try await command("Performance.getMetrics")
        let rows = answer["metrics"] as? [[String: Any]] ?? []
        return rows.reduce(into: [:]) { metrics, row in
            if let name = row["name"] as? String { metrics[name] = row["value"] as? Double }
        }
    }

    /// What each process that draws pages has of the memory, its part of what is shared included, the largest first.
    package func rendererMegabytes() throws -> [Int] {
        let pids = try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { Int32($0) }
        return pids.compactMap { pid -> Int? in
            guard Self.text(of: pid, "cmdline").contains("--type=renderer"), isOurs(pid) else { return nil }
            let size = Self.text(of: pid, "smaps_rollup").split(separator: "\n").first { $0.hasPrefix("Pss:") }
            return size?.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 / 1_024 }
        }.sorted(by: >)
    }

    /// A process that our browser started, or one that such a process started.
    private func isOurs(_ pid: Int32) -> Bool {
        var pid = pid
        for _ in 0..<8 {
            if pid == process.processIdentifier { return true }
            let parent = Self.text(of: pid, "status").split(separator: "\n").first { $0.hasPrefix("PPid:") }
            guard let next = parent?.split(separator: "\t").last.flatMap({ Int32($0) }), next > 1 else { return false }
            pid = next
        }
        return false
    }

    private static func text(of pid: Int32, _ file: String) -> String {
        FileManager.default.contents(atPath: "/proc/\(pid)/\(file)").map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    // MARK: The protocol

    @discardableResult
    package func command(
        _ method: String, _ parameters: [String: Any] = [:], until event: String? = nil
    ) async throws -> [String: Any] {
        let (id, session) = state.withLock { state in
            state.lastID += 1
            return (state.lastID, state.session)
        }
        var message: [String: Any] = ["id": id, "method": method, "params": parameters]
        if let session { message["sessionId"] = session }
        var bytes = try JSONSerialization.data(withJSONObject: message)
        bytes.append(0)
        // The event may come before the answer, so it must be awaited from here on.
        let (events, continuation) = AsyncStream<Void>.makeStream()
        if let event { state.withLock { $0.events[event] = continuation } } else { continuation.yield() }
        let answer = try await answer(to: id, sending: bytes)
        let object = try JSONSerialization.jsonObject(with: answer) as? [String: Any] ?? [:]
        if let error = object["error"] { throw Failure(description: "\(method): \(error)") }
        let result = object["result"] as? [String: Any] ?? [:]
        if let error = result["errorText"] { throw Failure(description: "\(method): \(error)") }
        // Where the part after # alone is another, no document is loaded.
        if method == "Page.navigate", result["loaderId"] == nil { return result }
        guard await events.first(where: { true }) != nil else { throw Self.gone }
        return result
    }

    private static let gone = Failure(description: "the browser ended")

    private func answer(to id: Int, sending bytes: Data) async throws -> Data {
        try await withCheckedThrowingContinuation { continuation in
            let hasEnded = state.withLock { state in
                if !state.hasEnded { state.answers[id] = continuation }
                return state.hasEnded
            }
            if hasEnded { return continuation.resume(throwing: Self.gone) }
            try? input.fileHandleForWriting.write(contentsOf: bytes)
        }
    }

    /// On a thread of Foundation's.
    private func receive(_ bytes: Data) {
        if bytes.isEmpty { return fail() }
        let messages = state.withLock { state in
            state.unread.append(bytes)
            var messages = state.unread.split(separator: 0, omittingEmptySubsequences: false)
            state.unread = Data(messages.popLast() ?? Data())
            return messages.map { Data($0) }
        }
        for message in messages {
            guard let object = try? JSONSerialization.jsonObject(with: message) as? [String: Any] else { continue }
            if let id = object["id"] as? Int {
                state.withLock { $0.answers.removeValue(forKey: id) }?.resume(returning: message)
            } else if let name = object["method"] as? String {
                note(name, object["params"] as? [String: Any] ?? [:])
                state.withLock { $0.events.removeValue(forKey: name) }?.yield()
            }
        }
    }

    private static let complaintsMax = 100

    private func note(_ event: String, _ parameters: [String: Any]) {
        let text: String?
        switch event {
        case "Runtime.exceptionThrown":
            let details = parameters["exceptionDetails"] as? [String: Any]
            let exception = details?["exception"] as? [String: Any]
            text = exception?["description"] as? String ?? details?["text"] as? String
        case "Log.entryAdded":
            let entry = parameters["entry"] as? [String: Any]
            text = entry?["level"] as? String == "error" ? "\(entry?["text"] ?? "") \(entry?["url"] ?? "")" : nil
        default: text = nil
        }
        guard let text else { return }
        state.withLock { if $0.complaints.count < Self.complaintsMax { $0.complaints.append(text) } }
    }

    private func fail() {
        output.fileHandleForReading.readabilityHandler = nil
        let (answers, events) = state.withLock { state in
            state.hasEnded = true
            defer { (state.answers, state.events) = ([:], [:]) }
            return (state.answers, state.events)
        }
        for continuation in answers.values { continuation.resume(throwing: Self.gone) }
        for continuation in events.values { continuation.finish() }
    }
}
