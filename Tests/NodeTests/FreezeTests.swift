import Foundation
import NodeHarness
import Testing

extension NodeTests {
    /// A process that stands still for a minute and goes on: a suspended machine, a paused container, a debugger.
    @Suite(.timeLimit(.minutes(5))) struct FreezeTests {
        private static let frozen = Duration.seconds(60)
        /// Of a client that waits for a frozen node.
        private static let patience = Duration.seconds(150)
        private static let stageLimit = Duration.seconds(60)
        private static let readingsPerBatch = 500

        /// A node that was stopped at a moment of its own, and what must be true once it goes on.
        private struct Frozen {
            let stage: String
            let folder: TemporaryFolder
            let node: NodeProcess
            let traffic: Traffic
            /// Brings the node to its end, after SIGCONT, with every batch of the traffic accepted.
            let finish: () throws -> Void
        }

        /// A minute for all of them at once.
        @Test func aMinuteOfStandstillLosesNothingAndHangsNobody() throws {
            let all = [try inABody(), try underLoad(), try inACommit(), try inAReplay(), try inADrain()]
            let deadline = Deadline(in: Self.frozen)
            while !deadline.isPast { all[0].node.process.nap(deadline.milliseconds) }
            for one in all {
                #expect(Self.state(of: one.node.process) == "T", "\(one.stage): it went on by itself")
                one.node.process.send(SIGCONT)
            }
            for one in all {
                do { try one.finish() } catch { Issue.record("\(one.stage): \(error)\n\(one.node.log.suffix(3_000))") }
                let stored = try Database(one.node.place.database).keys()
                #expect(stored == one.traffic.keys(of: one.traffic.batches), "\(one.stage)")
            }
        }

        // MARK: Stages

        /// Two clients have sent half of their bodies; one sends the rest into the standstill, one after it.
        private func inABody() throws -> Frozen {
            let (folder, node, traffic) = try ready(batches: 4)
            try NodeTests.post(traffic, 0..<2, to: node)
            var connections: [HTTPConnection] = []
            var rests: [ArraySlice<UInt8>] = []
            for batch in 2..<4 {
                let request = traffic.request(batch)
                let bodyStart = try #require(request.firstRange(of: Array("\r\n\r\n".utf8))).upperBound
                let head = Array(request[..<(bodyStart - 2)]) + Array("Expect: 100-continue\r\n\r\n".utf8)
                let connection = try HTTPConnection(port: node.port, timeout: Self.patience)
                try connection.send(head)
                #expect(try connection.readAnswer().status == 100)
                let middle = (bodyStart + request.count) / 2
                try connection.send(request[bodyStart..<middle])
                connections.append(connection)
                rests.append(request[middle...])
            }
            try freeze(node)
            try connections[0].send(rests[0])
            return Frozen(stage: "in a body", folder: folder, node: node, traffic: traffic) {
                // A server may have lost its patience with such a client, who then tries again.
                try? connections[1].send(rests[1])
                for (index, connection) in connections.enumerated() {
                    let answer = try? connection.readAnswer()
                    if answer?.status != 202 { try NodeTests.post(traffic, 2 + index..<3 + index, to: node) }
                }
                let ledger = try NodeTests.settled(node)
                #expect(ledger.accepted == traffic.readingsCount, "a batch without an answer was accepted")
                try NodeTests.stop(node)
            }
        }

        /// Requests are being read, appended, scored and stored.
        private func underLoad() throws -> Frozen {
            let lanes = 16
            let (folder, node, traffic) = try ready(batches: 20 + 2 * lanes)
            try NodeTests.post(traffic, 0..<20, to: node)
            let connections = try (0..<lanes).map { _ in
                try HTTPConnection(port: node.port, timeout: Self.patience)
            }
            for (index, connection) in connections.enumerated() { try connection.send(traffic.request(20 + index)) }
            try freeze(node)
            #expect(connections.contains { !$0.isReadable(within: 0) }, "all was answered before")
            return Frozen(stage: "under load", folder: folder, node: node, traffic: traffic) {
                for (index, connection) in connections.enumerated() {
                    let status = try connection.readAnswer().status
                    guard status != 202 else { continue }
                    // Its body was half there: a minute is too slow for one. The client was told, and sends it again.
                    #expect(status == 408)
                    try NodeTests.post(traffic, 20 + index..<21 + index, to: node)
                }
                try NodeTests.post(traffic, 20 + lanes..<traffic.batchesCount, to: node)
                let ledger = try NodeTests.settled(node)
                #expect(ledger.accepted == traffic.readingsCount && ledger.duplicates == 0)
                try NodeTests.stop(node)
            }
        }

        /// A transaction waits for the store's lock, which somebody else has; it is free when the node goes on.
        private func inACommit() throws -> Frozen {
            let (folder, node, traffic) = try ready(batches: 20)
            let holder = try Database(node.place.database)
            try holder.execute("BEGIN IMMEDIATE")
            try NodeTests.post(traffic, 0..<10, to: node)
            let turn = node.place.database + ".turn"
            try wait(for: node, "a transaction") { Self.isLocked(turn) }
            try freeze(node)
            #expect(Self.isLocked(turn))
            try holder.execute("ROLLBACK")
            return Frozen(stage: "in a commit", folder: folder, node: node, traffic: traffic) {
                try NodeTests.post(traffic, 10..<20, to: node)
                let ledger = try NodeTests.settled(node)
                #expect(ledger.accepted == traffic.readingsCount && ledger.duplicates == 0)
                try NodeTests.stop(node)
            }
        }

        /// The log is being read for what has no verdict.
        private func inAReplay() throws -> Frozen {
            let (folder, first, traffic) = try ready(batches: 210)
            try NodeTests.postUnstored(traffic, 0..<200, to: first, then: .killed)
            let before = first.log.count
            let node = try NodeProcess(at: first.place)
            try wait(for: node, "a replay") { Self.readsItsLog(node.process) }
            try freeze(node)
            #expect(!node.log.dropFirst(before).contains("\"ready\""), "the start was over")
            return Frozen(stage: "in a replay", folder: folder, node: node, traffic: traffic) {
                guard try node.waitUntilReady() else { throw node.failure }
                try NodeTests.post(traffic, 200..<210, to: node)
                let ledger = try NodeTests.settled(node)
                #expect(ledger.accepted == traffic.readingsCount && ledger.duplicates == 0)
                try NodeTests.stop(node)
            }
        }

        /// SIGTERM came, and what was accepted is not stored yet.
        private func inADrain() throws -> Frozen {
            let (folder, node, traffic) = try ready(batches: 10)
            let holder = try Database(node.place.database)
            try holder.execute("BEGIN IMMEDIATE")
            try NodeTests.post(traffic, 0..<10, to: node)
            node.process.send(SIGTERM)
            // It takes no more connections, and has not ended.
            try wait(for: node, "a drain") { (try? HTTPConnection(port: node.port)) == nil }
            try freeze(node)
            try holder.execute("ROLLBACK")
            return Frozen(stage: "in a drain", folder: folder, node: node, traffic: traffic) {
                #expect(node.process.wait(.seconds(20)) == .code(0))
                let next = try NodeProcess.ready(at: node.place)
                let ledger = try NodeTests.settled(next)
                #expect(ledger.accepted == traffic.readingsCount && ledger.duplicates == 0)
                try NodeTests.stop(next)
            }
        }

        // MARK: Looking at a process

        private func ready(batches: Int) throws -> (TemporaryFolder, NodeProcess, Traffic) {
            let folder = try TemporaryFolder()
            let node = try NodeProcess.ready(at: try NodeTests.place(in: folder))
            return (folder, node, Traffic(batches: batches, of: Self.readingsPerBatch))
        }

        private func freeze(_ node: NodeProcess) throws {
            node.process.send(SIGSTOP)
            try wait(for: node, "a standstill") { Self.state(of: node.process) == "T" }
        }

        private func wait(for node: NodeProcess, _ what: String, until isThere: () throws -> Bool) throws {
            let deadline = Deadline(in: Self.stageLimit)
            while try !isThere() {
                guard !deadline.isPast, node.process.isRunning else {
                    throw HarnessError("no \(what) within \(Self.stageLimit)\n\(node.log.suffix(3_000))")
                }
                node.process.nap(1)
            }
        }

        /// As `ps` says it: `T` is stopped.
        private static func state(of process: ChildProcess) -> Character? {
            let text = try? String(contentsOfFile: "/proc/\(process.pid)/stat", encoding: .utf8)
            // After the name in brackets, which may hold anything.
            return text?.split(separator: ")").last?.first { $0 != " " }
        }

        private static func isLocked(_ path: String) -> Bool {
            let descriptor = open(path, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { return false }
            defer { close(descriptor) }
            return flock(descriptor, LOCK_EX | LOCK_NB) != 0
        }

        /// A segment is open for writing, which is so once the log is open, and another time for reading.
        private static func readsItsLog(_ process: ChildProcess) -> Bool {
            let folder = "/proc/\(process.pid)/fd"
            let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
            let modes = names.compactMap { name -> Int32? in
                let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\(name)")
                guard target?.hasSuffix(".segment") == true else { return nil }
                let info = try? String(contentsOfFile: "/proc/\(process.pid)/fdinfo/\(name)", encoding: .utf8)
                let flags = info?.split(separator: "\n").first { $0.hasPrefix("flags:") }
                return flags.flatMap { Int32($0.dropFirst(6).drop { !$0.isNumber }, radix: 8) }.map { $0 & O_ACCMODE }
            }
            return modes.contains(O_RDWR) && modes.contains(O_RDONLY)
        }
    }
}
