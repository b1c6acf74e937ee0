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
    private static let eventsMax = 512

    private let links: [Link]
    private let requests: [[UInt8]]
    private let queue: Int32
    private var free: [Int]

    /// - Parameters:
    ///   - connections: opened here, used by every run.
    ///   - requests: whole requests, sent one after the other and again from the first.
    init(port: UInt16, connections: Int, requests: [[UInt8]]) throws {
        self.requests = requests
        let links = try (0..<connections).map { _ in Link(try HTTPConnection(port: port)) }
        self.links = links
        free = Array(links.indices)
        queue = epoll_create1(Int32(EPOLL_CLOEXEC.rawValue))
        guard queue >= 0 else { throw HarnessError(call: "epoll_create1") }
        for (place, link) in links.enumerated() {
            var event = epoll_event(events: EPOLLIN.rawValue, data: epoll_data(u64: UInt64(place)))
            guard epoll_ctl(queue, EPOLL_CTL_ADD, link.connection.descriptor, &event) == 0 else {
                throw HarnessError(call: "epoll_ctl")
            }
        }
    }

    deinit {
        close(queue)
    }

    /// - Parameters:
    ///   - rate: requests a second.
    ///   - connections: at most so many at once.
    func run(rate: Double, seconds: Int, connections: Int = .max) -> Outcome {
        var outcome = Outcome()
        let start = ContinuousClock.now
        var sent = 0
        while true {
            let elapsed = Self.seconds(since: start)
            // A little longer than it offers, for the answers that are still out.
            if elapsed > Double(seconds) + Self.patience || (elapsed > Double(seconds) && free.count == links.count) {
                break
            }
            let due = elapsed < Double(seconds) ? Int(elapsed * rate) : sent
            while sent < due {
                sent += 1
                guard links.count - free.count < connections, let place = free.popLast() else {
                    outcome.notOffered += 1
                    continue
                }
                links[place].sentAt = .now
                do { try links[place].connection.send(requests[sent % requests.count]) } catch { outcome.wrong += 1 }
            }
            takeAnswers(&outcome)
        }
        return outcome
    }

    private func takeAnswers(_ outcome: inout Outcome) {
        let ready = withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: Self.eventsMax) { events in
            let count = epoll_wait(queue, events.baseAddress, Int32(events.count), 1)
            return events.prefix(Int(max(0, count))).map { Int($0.data.u64) }
        }
        for place in ready {
            guard let sentAt = links[place].sentAt, let answer = try? links[place].connection.readAnswer() else {
                outcome.wrong += 1
                epoll_ctl(queue, EPOLL_CTL_DEL, links[place].connection.descriptor, nil)
                continue
            }
            links[place].sentAt = nil
            free.append(place)
            switch answer.status {
            case 202:
                outcome.accepted += 1
                outcome.times.append(Self.seconds(since: sentAt) * 1e3)
            case 429,
                503 where answer.headers["retry-after"] != nil:
                outcome.refused += 1
            default: outcome.wrong += 1
            }
        }
    }

    private static func seconds(since start: ContinuousClock.Instant) -> Double {
        let (whole, part) = (ContinuousClock.now - start).components
        return Double(whole) + Double(part) / 1e18
    }
}
