import Foundation
import NodeHarness

/// Requests at a rate that does not wait for the answers, as many devices send: whoever has no free connection left counts
/// as not offered.
final class OpenLoad {
    struct Outcome {
        var accepted = 0
        var refused = 0
        /// Answers that are neither 202 nor 429 nor 503, and connections that broke.
        var wrong = 0
        var notOffered = 0
        /// Of accepted requests, in milliseconds.
        var times: [Double] = []

        var p99: Double { times.isEmpty ? .nan : times.sorted()[times.count * 99 / 100] }
    }

    private struct Link {
        let connection: HTTPConnection
        var sentAt: ContinuousClock.Instant?
    }

    private let port: UInt16
    private let connectionsCount: Int
    private let makeRequest: (Int) -> [UInt8]

    /// - Parameter request: the bytes of request number N.
    init(port: UInt16, connections: Int, request: @escaping (Int) -> [UInt8]) {
        self.port = port
        connectionsCount = connections
        makeRequest = request
    }

    /// - Parameter rate: requests a second.
    func run(rate: Double, seconds: Int) throws -> Outcome {
        var links: [Link] = []
        for _ in 0..<connectionsCount { links.append(Link(connection: try HTTPConnection(port: port))) }
        var polls = links.map { pollfd(fd: $0.connection.descriptor, events: Int16(POLLIN), revents: 0) }
        var free = Array(links.indices)
        var outcome = Outcome()
        let start = ContinuousClock.now
        var sent = 0
        while true {
            let (whole, part) = (ContinuousClock.now - start).components
            let elapsed = Double(whole) + Double(part) / 1e18
            // A little longer than it offers, for the answers that are still out.
            if elapsed > Double(seconds) + 2 || (elapsed > Double(seconds) && free.count == links.count) { break }
            let due = elapsed < Double(seconds) ? Int(elapsed * rate) : sent
            while sent < due {
                sent += 1
                guard let place = free.popLast() else {
                    outcome.notOffered += 1
                    continue
                }
                links[place].sentAt = .now
                do { try links[place].connection.send(makeRequest(sent)) } catch { outcome.wrong += 1 }
            }
            guard poll(&polls, nfds_t(polls.count), 1) > 0 else { continue }
            for place in polls.indices where polls[place].revents != 0 {
                guard let sentAt = links[place].sentAt, let answer = try? links[place].connection.readAnswer() else {
                    outcome.wrong += 1
                    // Poll looks past what is negative.
                    polls[place].fd = -1
                    continue
                }
                let (seconds, attoseconds) = (ContinuousClock.now - sentAt).components
                links[place].sentAt = nil
                free.append(place)
                switch answer.status {
                case 202:
                    outcome.accepted += 1
                    outcome.times.append(Double(seconds) * 1e3 + Double(attoseconds) / 1e15)
                case 429,
                    503 where answer.headers["retry-after"] != nil:
                    outcome.refused += 1
                default: outcome.wrong += 1
                }
            }
        }
        return outcome
    }
}
