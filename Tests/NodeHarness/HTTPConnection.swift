import Glibc

/// One HTTP/1.1 connection over a blocking socket: no pool, no retry, nothing between a test and the bytes.
package final class HTTPConnection {
    package struct Answer: Hashable, Sendable {
        package let status: Int
        /// Names in lower case.
        package let headers: [String: String]
        package let body: [UInt8]

        package var text: String { String(decoding: body, as: UTF8.self) }
    }

    /// Longer than anything a node answers.
    package static let answerBytesMax = 256 << 20
    private static let readBytes = 64 << 10

    package let descriptor: Int32
    private var buffer: [UInt8] = []
    private var start = 0

    package static let timeoutDefault = Duration.seconds(30)

    /// - Parameters:
    ///   - place: where the server listens.
    ///   - timeout: of every single send and receive.
    package init(port: UInt16, at place: NetworkPlace = .loopback, timeout: Duration = timeoutDefault) throws {
        descriptor = try place.inside {
            socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        }
        guard descriptor >= 0 else { throw HarnessError(call: "socket") }
        let (seconds, attoseconds) = timeout.components
        var time = timeval(tv_sec: Int(seconds), tv_usec: Int(attoseconds / 1_000_000_000_000))
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
        var one: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        var address = LoopbackPort.address(port, of: place.address)
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        // Closed by `deinit`, which runs: every property is set. Closed twice, it would be somebody else's file.
        guard result == 0 else { throw HarnessError(call: "connect to \(place.address):\(port)") }
    }

    deinit {
        close(descriptor)
    }

    /// The bytes of a request with a `Content-Length`.
    package static func request(
        _ method: String, _ path: String, headers: [(String, String)] = [], body: some Collection<UInt8> = []
    ) -> [UInt8] {
        var head = "\(method) \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        for (name, value) in headers { head += "\(name): \(value)\r\n" }
        if !body.isEmpty || method != "GET" { head += "Content-Length: \(body.count)\r\n" }
        return Array((head + "\r\n").utf8) + body
    }

    package func ask(
        _ method: String, _ path: String, headers: [(String, String)] = [], body: some Collection<UInt8> = []
    ) throws -> Answer {
        try send(Self.request(method, path, headers: headers, body: body))
        return try readAnswer()
    }

    package func send(_ bytes: some Collection<UInt8>) throws {
        let isSent: Void? = try bytes.withContiguousStorageIfAvailable { try send(UnsafeRawBufferPointer($0)) }
        if isSent == nil { try Array(bytes).withUnsafeBytes { try send($0) } }
    }

    package func send(_ bytes: UnsafeRawBufferPointer) throws {
        var sent = 0
        while sent < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[sent...])
            let count = Glibc.send(descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
            guard count > 0 else { throw HarnessError(call: "send") }
            sent += count
        }
    }

    /// The next answer, an interim one (100) included.
    package func readAnswer() throws -> Answer {
        let head = try readHead()
        var lines = head.split(separator: "\r\n", omittingEmptySubsequences: true)
        let words = lines.isEmpty ? [] : lines.removeFirst().split(separator: " ", maxSplits: 2)
        guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]) else {
            throw HarnessError("no HTTP answer: \(head.prefix(200))")
        }
        var headers: [String: String] = [:]
        for line in lines {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let value = line[line.index(after: colon)...].drop { $0 == " " }
            headers[line[..<colon].lowercased()] = String(value)
        }
        var body: [UInt8] = []
        if headers["transfer-encoding"]?.lowercased() == "chunked" {
            body = try readChunks()
        } else if let text = headers["content-length"] {
            guard let count = Int(text), count <= Self.answerBytesMax else {
                throw HarnessError("Content-Length: \(text)")
            }
            body = try take(count)
        }
        return Answer(status: status, headers: headers, body: body)
    }

    private func readHead() throws -> String {
        var searched = start
        while true {
            let end: [UInt8] = [13, 10, 13, 10]
            if let found = buffer[searched...].firstRange(of: end) {
                defer { start = found.upperBound }
                return String(decoding: buffer[start..<found.lowerBound], as: UTF8.self)
            }
            searched = max(start, buffer.count - 3)
            let moved = start
            try fill()
            searched -= moved - start
        }
    }

    private func readChunks() throws -> [UInt8] {
        var body: [UInt8] = []
        while true {
            var line: [UInt8] = []
            while line.last != 10 { line += try take(1) }
            let digits = String(decoding: line, as: UTF8.self).prefix { $0.isHexDigit }
            guard let count = Int(digits, radix: 16), body.count + count <= Self.answerBytesMax else {
                throw HarnessError("no chunk size: \(String(decoding: line, as: UTF8.self))")
            }
            body += try take(count)
            _ = try take(2)
            if count == 0 { return body }
        }
    }

    private func take(_ count: Int) throws -> [UInt8] {
        while buffer.count - start < count { try fill() }
        defer { start += count }
        return Array(buffer[start..<start + count])
    }

    /// Reads what has come, at least a byte.
    private func fill() throws {
        if start > 0 {
            buffer.removeFirst(start)
            start = 0
        }
        let before = buffer.count
        guard before <= Self.answerBytesMax else { throw HarnessError("an answer of more than \(before) bytes") }
        buffer += [UInt8](repeating: 0, count: Self.readBytes)
        let count = buffer.withUnsafeMutableBytes {
            recv(descriptor, $0.baseAddress?.advanced(by: before), Self.readBytes, 0)
        }
        let error = count < 0 ? HarnessError(call: "recv") : HarnessError("the connection was closed")
        buffer.removeLast(Self.readBytes - max(0, count))
        guard count > 0 else { throw error }
    }

    /// True once there is something to read (the end of the connection included) within so many milliseconds.
    package func isReadable(within milliseconds: Int32) -> Bool {
        if start < buffer.count { return true }
        var ends = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&ends, 1, milliseconds) > 0
    }
}
