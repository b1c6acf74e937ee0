import Foundation
import Testing

/// A client of `GET /stream`: takes the chunks apart, then the events, one at a time, and keeps nothing.
final class EventReader {
    struct Event: Equatable {
        var name = ""
        var id = ""
        var data = ""
        /// Lines that begin with a colon.
        var comments: [String] = []

        var object: [String: Any] {
            get throws {
                try #require(try JSONSerialization.jsonObject(with: Data(data.utf8)) as? [String: Any], "\(self)")
            }
        }
    }

    let connection: RawConnection
    private(set) var head = ""
    private var bytes: ArraySlice<UInt8> = []
    private var text: ArraySlice<UInt8> = []
    private(set) var hasCleanEnd = false

    init(
        port: Int, _ target: String = "/stream", headers: String = "", receiveBytes: Int32? = nil
    ) throws {
        connection = try RawConnection(port: port, receiveBytes: receiveBytes)
        try connection.send("GET \(target) HTTP/1.1\r\nHost: x\r\n\(headers)\r\n")
    }

    /// The next event or block of comments; nil at the end, clean or not.
    func next() throws -> Event? {
        if head.isEmpty { try readHead() }
        while true {
            if let end = text.firstRange(of: Array("\n\n".utf8)) {
                let block = String(decoding: text[..<end.lowerBound], as: UTF8.self)
                text = text[end.upperBound...]
                return Self.event(block)
            }
            guard let chunk = try nextChunk() else { return nil }
            text = ArraySlice(text + chunk)
        }
    }

    /// The next one that has a name: comments are passed over.
    func nextNamed() throws -> Event? {
        while let event = try next() {
            if !event.name.isEmpty { return event }
        }
        return nil
    }

    func readHead() throws {
        let end = try skip(through: "\r\n\r\n")
        head = String(decoding: end, as: UTF8.self)
    }

    private func nextChunk() throws -> ArraySlice<UInt8>? {
        let line = String(decoding: try skip(through: "\r\n").dropLast(2), as: UTF8.self)
        guard let count = Int(line, radix: 16) else { throw RawConnection.Failure(description: "no chunk: \(line)") }
        while bytes.count < count + 2 {
            let more = try connection.receive()
            if more.isEmpty { return nil }
            bytes += more
        }
        let chunk = bytes.prefix(count)
        bytes = bytes.dropFirst(count + 2)
        if count == 0 { hasCleanEnd = true }
        return count == 0 ? nil : chunk
    }

    private func skip(through mark: String) throws -> ArraySlice<UInt8> {
        while true {
            if let end = bytes.firstRange(of: Array(mark.utf8)) {
                defer { bytes = bytes[end.upperBound...] }
                return bytes[..<end.upperBound]
            }
            let more = try connection.receive()
            if more.isEmpty { throw RawConnection.Failure(description: "closed within \(bytes.count) bytes") }
            bytes = ArraySlice(bytes + more)
        }
    }

    private static func event(_ block: String) -> Event {
        var event = Event()
        for line in block.split(separator: "\n") {
            if line.hasPrefix(":") { event.comments.append(String(line)) }
            if line.hasPrefix("event: ") { event.name = String(line.dropFirst(7)) }
            if line.hasPrefix("id: ") { event.id = String(line.dropFirst(4)) }
            if line.hasPrefix("data: ") { event.data = String(line.dropFirst(6)) }
        }
        return event
    }
}

extension EventReader.Event: CustomStringConvertible {
    var description: String { "\(name) \(id) \(data) \(comments)" }
}
