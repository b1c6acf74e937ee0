import Foundation
import NodeHarness
import Synchronization
import Testing

extension NodeTests {
    /// Five nodes under a steady load of 20,000 readings a second that somebody else keeps up, whatever the flock does.
    @Suite(.timeLimit(.minutes(30))) struct ChurnTests {
        enum Change: String, CaseIterable { case join, leave, kill }

        /// One round of each change in the suite; `STARLING_ROUNDS=20` for more.
        static var rounds: Int {
            ProcessInfo.processInfo.environment["STARLING_ROUNDS"].flatMap { Int($0) } ?? 1
        }

        @Test(arguments: Change.allCases) func nothingIsLostOrDoubledWhileNodesChange(_ change: Change) throws {
            let folder = try TemporaryFolder()
            let flock = try FlockProcess(6, folder: folder)
            try flock.start(0..<5)
            try flock.waitUntilAllSee(alive: 5)
            let pump = Pump(Traffic(batches: 200_000, of: 500, devices: 1_000), readingsPerSecond: 20_000)
            pump.turn(to: flock.running)
            pump.start()
            try pump.wait(forMoreBatches: 40)
            for round in 0..<Self.rounds {
                let index = round % 5
                switch change {
                case .join:
                    try flock.start([5])
                    pump.turn(to: flock.running)
                    try flock.waitUntilAllSee(alive: 6)
                    try pump.wait(forMoreBatches: 40)
                    pump.turn(to: Array(flock.running.dropLast()))
                    #expect(try flock.stop(5) == .code(0))
                case .leave:
                    pump.turn(to: flock.running.filter { $0.place.name != "n\(index)" })
                    #expect(try flock.stop(index) == .code(0))
                    try pump.wait(forMoreBatches: 40)
                    try flock.start([index])
                case .kill:
                    flock.kill(index)
                    pump.turn(to: flock.running)
                    try flock.waitUntilAllSee(alive: 4)
                    try pump.wait(forMoreBatches: 40)
                    try flock.start([index])
                }
                pump.turn(to: flock.running)
                try flock.waitUntilAllSee(alive: 5)
            }
            let sent = try pump.finish()
            let ledgers = try flock.settledLedgers()
            #expect(ledgers.allSatisfy { $0.isClosed && $0.orphaned == 0 && $0.damaged == 0 })
            for index in flock.nodes.indices { _ = try flock.stop(index) }
            #expect(try Database(flock.places[0].database).keys() == pump.traffic.keys(of: sent))
        }
    }
}

/// Sends batches at a steady rate from a thread of its own, in turns to the nodes that it is told; what got no 202 is sent
/// again, to whoever is there then.
final class Pump: Sendable {
    private struct State {
        var places: [(port: UInt16, place: NetworkPlace)] = []
        var again: [Int] = []
        var next = 0
        var acceptedCount = 0
        var isStopping = false
        var isOver = false
        var error: String?
    }

    let traffic: Traffic
    private let pause: Int
    private let state = Mutex(State())
    private static let patience = Duration.seconds(60)

    init(_ traffic: Traffic, readingsPerSecond: Int) {
        self.traffic = traffic
        pause = 1_000_000 * traffic.readingsPerBatch / readingsPerSecond
    }

    func turn(to nodes: [NodeProcess]) {
        let places = nodes.map { ($0.port, $0.place.network) }
        state.withLock { $0.places = places }
    }

    func start() {
        let thread = Thread { [self] in
            let start = Self.microseconds
            var connections: [UInt16: HTTPConnection] = [:]
            var sent = 0
            while let batch = take() {
                deliver(batch, turn: sent, over: &connections)
                sent += 1
                let late = Self.microseconds - start - sent * pause
                if late < 0 { _ = poll(nil, 0, Int32(-late / 1_000)) }
            }
            state.withLock { $0.isOver = true }
        }
        thread.start()
    }

    private static var microseconds: Int {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec * 1_000_000 + time.tv_nsec / 1_000
    }

    /// Nil when it is told to stop and nothing is owed.
    private func take() -> Int? {
        state.withLock { state in
            if !state.again.isEmpty { return state.again.removeFirst() }
            guard !state.isStopping, state.next < traffic.batchesCount else { return nil }
            state.next += 1
            return state.next - 1
        }
    }

    private func deliver(_ batch: Int, turn: Int, over connections: inout [UInt16: HTTPConnection]) {
        let place = state.withLock { $0.places.isEmpty ? nil : $0.places[turn % $0.places.count] }
        guard let place else { return state.withLock { $0.again.append(batch) } }
        do {
            let connection =
                try connections[place.port] ?? HTTPConnection(port: place.port, at: place.place, timeout: .seconds(10))
            connections[place.port] = connection
            try connection.send(traffic.request(batch))
            let answer = try connection.readAnswer()
            guard answer.status == 202 else { throw HarnessError("\(answer.status)") }
            state.withLock { $0.acceptedCount += 1 }
        } catch {
            connections[place.port] = nil
            state.withLock { state in
                state.again.append(batch)
                state.error = "\(error)"
            }
        }
    }

    var acceptedCount: Int { state.withLock { $0.acceptedCount } }

    func wait(forMoreBatches count: Int) throws {
        let wanted = state.withLock { $0.acceptedCount } + count
        try wait { $0.acceptedCount >= wanted }
    }

    /// - Returns: the batches that were accepted, each at least once.
    func finish() throws -> Range<Int> {
        state.withLock { $0.isStopping = true }
        try wait { $0.isOver }
        return 0..<state.withLock { $0.next }
    }

    private func wait(_ isDone: (State) -> Bool) throws {
        let deadline = Deadline(in: Self.patience)
        while !state.withLock({ isDone($0) }) {
            guard !deadline.isPast else {
                throw HarnessError("the load stands still: \(state.withLock { $0.error } ?? "no answer")")
            }
            _ = poll(nil, 0, 10)
        }
    }
}
