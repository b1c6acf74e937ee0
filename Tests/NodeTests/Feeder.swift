import Foundation
import NodeHarness
import Synchronization

/// Devices `d0`, `d1`, … that all report at once, every so often, to the first node that takes it.
final class Feeder: @unchecked Sendable {
    private static let pauseMilliseconds: Int32 = 300

    private struct State {
        var ports: [UInt16] = []
        var silent: Set<Int> = []
        var isEnded = false
        var isRunning = false
        var sent = 0
    }

    private let state = Mutex(State())
    private let count: Int

    init(_ count: Int) {
        self.count = count
    }

    var ports: [UInt16] {
        get { state.withLock { $0.ports } }
        set { state.withLock { $0.ports = newValue } }
    }

    var sent: Int { state.withLock { $0.sent } }

    func silence(_ devices: some Sequence<Int>) { state.withLock { $0.silent.formUnion(devices) } }
    func wake(_ devices: some Sequence<Int>) { state.withLock { $0.silent.subtract(devices) } }

    func begin() {
        state.withLock { $0.isRunning = true }
        Thread.detachNewThread { [self] in
            var round = 0
            while !state.withLock({ $0.isEnded }) {
                round += 1
                report(round)
                var nothing = pollfd(fd: -1, events: 0, revents: 0)
                poll(&nothing, 1, Self.pauseMilliseconds)
            }
            state.withLock { $0.isRunning = false }
        }
    }

    /// Waits until it has ended.
    func end() {
        state.withLock { $0.isEnded = true }
        let deadline = Deadline(in: .seconds(60))
        var nothing = pollfd(fd: -1, events: 0, revents: 0)
        while state.withLock({ $0.isRunning }), !deadline.isPast { poll(&nothing, 1, 10) }
    }

    private func report(_ round: Int) {
        let (ports, silent) = state.withLock { ($0.ports, $0.silent) }
        let messages = (0..<count).filter { !silent.contains($0) }.map { device in
            #"{"device_id":"d\#(device)","metrics":[{"type":"t","value":\#(20 + round % 3)}]}"#
        }
        guard !messages.isEmpty else { return }
        let body = Array("[\(messages.joined(separator: ","))]".utf8)
        let request = HTTPConnection.request(
            "POST", "/data", headers: [("Content-Type", "application/json")], body: body)
        for port in ports.shuffled() {
            guard let connection = try? HTTPConnection(port: port, timeout: .seconds(2)),
                (try? connection.send(request)) != nil, let answer = try? connection.readAnswer(),
                answer.status == 202
            else { continue }
            return state.withLock { $0.sent += messages.count }
        }
    }
}
