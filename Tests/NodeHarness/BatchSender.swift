import Glibc

/// Sends requests over a few connections at once, each of which waits for its answer before it sends the next.
///
/// One thread: while one request is being answered the next is sent on another connection.
package struct BatchSender {
    /// What became of the requests of a run.
    package struct Outcome: Sendable {
        package var answers: [Int: HTTPConnection.Answer] = [:]
        /// Sent, at least in part, without an answer: nobody knows whether they were accepted.
        package var unanswered: [Int] = []
        package var unsent: [Int] = []
    }

    private struct Lane {
        let connection: HTTPConnection
        var request: Int?
    }

    package let port: UInt16
    package let place: NetworkPlace
    package let connectionsCount: Int
    package let timeout: Duration

    package init(
        port: UInt16, at place: NetworkPlace = .loopback, connectionsCount: Int,
        timeout: Duration = HTTPConnection.timeoutDefault
    ) {
        self.port = port
        self.place = place
        self.connectionsCount = connectionsCount
        self.timeout = timeout
    }

    /// Sends `requests` in order until all are answered or the server is gone.
    /// - Parameters:
    ///   - bytes: the whole request, head and body.
    ///   - afterSend: called with how many were sent so far; false ends the run.
    package func run(
        _ requests: [Int], bytes: (Int) -> [UInt8], afterSend: (Int) -> Bool = { _ in true }
    ) throws -> Outcome {
        var lanes: [Lane] = []
        for _ in 0..<min(connectionsCount, requests.count) {
            lanes.append(Lane(connection: try HTTPConnection(port: port, at: place, timeout: timeout)))
        }
        var outcome = Outcome()
        var next = 0
        var isGone = false
        while !isGone, next < requests.count || lanes.contains(where: { $0.request != nil }) {
            for index in lanes.indices where lanes[index].request == nil && next < requests.count && !isGone {
                lanes[index].request = requests[next]
                next += 1
                do { try lanes[index].connection.send(bytes(requests[next - 1])) } catch { isGone = true }
                if !afterSend(next) { isGone = true }
            }
            for index in waiting(lanes) {
                guard let request = lanes[index].request else { continue }
                do {
                    outcome.answers[request] = try lanes[index].connection.readAnswer()
                    lanes[index].request = nil
                } catch {
                    isGone = true
                }
            }
        }
        outcome.unanswered = lanes.compactMap(\.request).sorted()
        outcome.unsent = Array(requests[next...])
        return outcome
    }

    /// The lanes that have something to read; blocks until one has, or until the time is up: then all, whose reads
    /// fail.
    private func waiting(_ lanes: [Lane]) -> [Int] {
        let busy = lanes.indices.filter { lanes[$0].request != nil }
        var ends = busy.map { pollfd(fd: lanes[$0].connection.descriptor, events: Int16(POLLIN), revents: 0) }
        guard !ends.isEmpty else { return [] }
        guard poll(&ends, nfds_t(ends.count), Deadline(in: timeout).milliseconds) > 0 else { return busy }
        return busy.indices.filter { ends[$0].revents != 0 }.map { busy[$0] }
    }
}
