import Glibc
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

    private final class Link {
        let connection: HTTPConnection
        var sentAt: ContinuousClock.Instant?

        init(_ connection: HTTPConnection) {
            self.connection = connection
        }
    }

    private static let patience = 2.0

    private let links: [Link]
    private let requests: [[UInt8]]
    private var free: [Int]
    /// Of connections with an answer that is still to come, and where those are.
    private var polled: [pollfd] = []
    private var places: [Int] = []
    private var bytes = [CChar](repeating: 0, count: 4_096)

    /// - Parameters:
    ///   - connections: opened here: a node closes those that are idle for long.
    ///   - requests: whole requests, sent one after the other and again from the first.
    init(port: UInt16, connections: Int, requests: [[UInt8]]) throws {
        self.requests = requests
        let links = try (0..<connections).map { _ in Link(try HTTPConnection(port: port)) }
        self.links = links
        free = Array(links.indices)
    }

    /// - Parameter rate: requests a second.
    func run(rate: Double, seconds: Int) -> Outcome {
        var outcome = Outcome()
        let start = ContinuousClock.now
        var sent = 0
        while true {
            let elapsed = Stopwatch.seconds(since: start)
            // A little longer than it offers, for the answers that are still out.
            if elapsed > Double(seconds) + Self.patience || (elapsed > Double(seconds) && free.count == links.count) {
                break
            }
            let due = elapsed < Double(seconds) ? Int(elapsed * rate) : sent
            while sent < due {
                sent += 1
                guard let place = free.popLast() else {
                    outcome.notOffered += 1
                    continue
                }
                links[place].sentAt = .now
                polled.append(pollfd(fd: links[place].connection.descriptor, events: Int16(POLLIN), revents: 0))
                places.append(place)
                do { try links[place].connection.send(requests[sent % requests.count]) } catch { outcome.wrong += 1 }
            }
            takeAnswers(&outcome)
        }
        return outcome
    }

    private func takeAnswers(_ outcome: inout Outcome) {
        guard poll(&polled, nfds_t(polled.count), 1) > 0 else { return }
        // From the last: what takes the place of one that is done was looked at.
        for index in polled.indices.reversed() where polled[index].revents != 0 {
            let place = places[index]
            polled.swapAt(index, polled.count - 1)
            polled.removeLast()
            places.swapAt(index, places.count - 1)
            places.removeLast()
            guard let sentAt = links[place].sentAt, let status = status(at: links[place].connection.descriptor) else {
                outcome.wrong += 1
                continue
            }
            links[place].sentAt = nil
            free.append(place)
            switch status {
            case 202:
                outcome.accepted += 1
                outcome.times.append(Stopwatch.seconds(since: sentAt) * 1e3)
            case 429, 503: outcome.refused += 1
            default: outcome.wrong += 1
            }
        }
    }

    /// Of a whole answer, which is short and comes in one piece: whoever offers more than a node takes has no time for more.
    /// - Returns: nil if there is none, or a refusal does not say when to come back.
    private func status(at descriptor: Int32) -> Int? {
        let count = recv(descriptor, &bytes, bytes.count - 1, 0)
        guard count >= Self.head.count + 3 else { return nil }
        bytes[count] = 0
        return bytes.withUnsafeBufferPointer { bytes -> Int? in
            guard let text = bytes.baseAddress, bytes.starts(with: Self.head), strstr(text, "\r\n\r\n") != nil else {
                return nil
            }
            let status = bytes[Self.head.count..<Self.head.count + 3].reduce(0) { $0 * 10 + Int($1 & 0xF) }
            return status == 202 || strstr(text, "\r\nRetry-After: ") != nil ? status : nil
        }
    }

    private static let head = "HTTP/1.1 ".utf8.map { CChar($0) }
}
