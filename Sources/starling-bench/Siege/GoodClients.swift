import Foundation
import NodeHarness
import Synchronization

/// A few clients that send one reading at a time, at a calm pace, and note how long each answer took.
final class GoodClients: Sendable {
    private static let clientsCount = 4
    private static let pauseMilliseconds: UInt32 = 5

    private let port: UInt16
    private let headers: [(String, String)]

    init(port: UInt16, headers: [(String, String)] = []) {
        self.port = port
        self.headers = headers + [("Content-Type", "application/json")]
    }

    /// - Returns: the 99th percentile of the answers' times, in milliseconds.
    /// - Throws: if one was answered with something else than 202.
    func p99(seconds: Int, beside attack: () throws -> Void = {}) throws -> Double {
        let deadline = Deadline(in: .seconds(seconds))
        let results = Mutex<(times: [Double], failure: String?)>(([], nil))
        let threads = (0..<Self.clientsCount).map { client in
            OwnThread { [self] in
                do {
                    let times = try send(client, until: deadline)
                    results.withLock { $0.times += times }
                } catch {
                    results.withLock { $0.failure = "\(error)" }
                }
            }
        }
        try attack()
        for thread in threads { thread.join() }
        let (times, failure) = results.withLock { $0 }
        if let failure { throw HarnessError("a good client failed: \(failure)") }
        guard times.count > 100 else { throw HarnessError("only \(times.count) answers in \(seconds) s") }
        return times.sorted()[times.count * 99 / 100]
    }

    private func send(_ client: Int, until deadline: Deadline) throws -> [Double] {
        let connection = try HTTPConnection(port: port)
        var times: [Double] = []
        while !deadline.isPast {
            let body = #"{"device_id":"good-\#(client)","metrics":[{"type":"temperature","value":21.5}]}"#
            let start = ContinuousClock.now
            let answer = try connection.ask("POST", "/data", headers: headers, body: Array(body.utf8))
            let seconds = Stopwatch.seconds(since: start)
            guard answer.status == 202 else { throw HarnessError("\(answer.status): \(answer.text)") }
            times.append(seconds * 1e3)
            usleep(Self.pauseMilliseconds * 1_000)
        }
        return times
    }
}

/// A thread that can be waited for.
final class OwnThread: Sendable {
    private let done = DispatchSemaphore(value: 0)

    init(_ work: @escaping @Sendable () -> Void) {
        let done = done
        Thread {
            work()
            done.signal()
        }.start()
    }

    func join() { done.wait() }
}
