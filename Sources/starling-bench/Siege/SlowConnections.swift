import Foundation
import NodeHarness

/// Connections that send a request a byte at a time and never end it (slow loris); those that the node closes come again.
final class SlowConnections {
    static let count = 1_000
    private static let roundMilliseconds: UInt32 = 1_000
    private static let request = Array("POST /data HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ".utf8)

    private let port: UInt16
    private var connections: [HTTPConnection?] = Array(repeating: nil, count: count)
    private(set) var closedCount = 0

    init(port: UInt16) {
        self.port = port
    }

    func drip(seconds: Int) {
        let deadline = Deadline(in: .seconds(seconds))
        while !deadline.isPast {
            for place in connections.indices {
                do {
                    guard let connection = connections[place] else {
                        let connection = try HTTPConnection(port: port)
                        try connection.send(Self.request)
                        connections[place] = connection
                        continue
                    }
                    if connection.isReadable(within: 0) { throw HarnessError("closed") }
                    try connection.send([UInt8(ascii: "a")])
                } catch {
                    closedCount += connections[place] == nil ? 0 : 1
                    connections[place] = nil
                }
            }
            usleep(Self.roundMilliseconds * 1_000)
        }
    }
}
