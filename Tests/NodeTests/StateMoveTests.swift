import NodeHarness
import Testing

extension NodeTests {
    /// What an owner knows of a device goes where the device goes.
    @Suite(.timeLimit(.minutes(5))) struct StateMoveTests {
        /// Exactly what a first model is trained with: before it, nothing is sent that could be judged or learnt from,
        /// depending on how quick the training was.
        static let trainingReadings = 256
        static let traffic = Traffic(batches: 1 + 8, of: trainingReadings, devices: 64)

        static func send(_ batches: Range<Int>, to node: NodeProcess) throws {
            let connection = try HTTPConnection(port: node.port)
            for batch in batches {
                try connection.send(traffic.request(batch))
                #expect(try connection.readAnswer().status == 202)
            }
            _ = try node.waitForLedger { $0.pending == 0 }
        }

        static func train(_ node: NodeProcess, _ database: String) throws {
            try send(0..<1, to: node)
            let deadline = Deadline(in: .seconds(30))
            while try Database(database).int("SELECT count(*) FROM models") == 0 {
                guard !deadline.isPast else { throw HarnessError("no model after 30 s") }
                node.process.nap(20)
            }
        }

        @Test func theNextReadingIsJudgedAsIfTheDeviceHadNeverMoved() throws {
            let alone = try TemporaryFolder()
            let place = try NodeTests.place(in: alone)
            let control = try NodeProcess.ready(at: place)
            try Self.train(control, place.database)
            try Self.send(1..<9, to: control)
            try NodeTests.stop(control)

            let folder = try TemporaryFolder()
            let flock = try FlockProcess(4, folder: folder)
            try flock.start([0])
            let origin = try #require(flock.nodes[0])
            try Self.train(origin, flock.places[0].database)
            try Self.send(1..<2, to: origin)
            try flock.start([1])
            try flock.waitUntilAllSee(alive: 2)
            try Self.send(2..<4, to: origin)
            try flock.start([2, 3])
            try flock.waitUntilAllSee(alive: 4)
            try Self.send(4..<5, to: origin)
            #expect(try flock.stop(1) == .code(0))
            try Self.send(5..<7, to: origin)
            try flock.start([1])
            #expect(try flock.stop(2) == .code(0))
            try Self.send(7..<9, to: origin)
            for index in flock.nodes.indices { _ = try flock.stop(index) }

            let moved = try Database(flock.places[0].database).verdicts()
            let still = try Database(place.database).verdicts()
            #expect(moved.count == Self.traffic.readingsCount)
            let different = still.filter { moved[$0.key] != $0.value }
            #expect(different.isEmpty, "\(different.count) of \(still.count): \(different.prefix(3))")
        }
    }
}
