import DeviceFleet
import Foundation
import Logging
import Telemetry
import Testing

/// What a fleet writes down of itself.
@Suite(.timeLimit(.minutes(2))) struct SendingRecordTests {
    private struct Line: Hashable {
        let word: String
        let reading: TestServer.Reading
    }

    private func run(_ record: SendingRecord, to server: ServerAddress) async throws {
        let ledger = FleetLedger(logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let options = FleetOptions(
            servers: [server], devices: (0..<3).map { DeviceID(unchecked: "a \"device\" \($0)") },
            intervalMicroseconds: 777_777, anomalyRate: 0.05, seed: 1, messagesCountMax: 20)
        try await HTTPReadingSender.withClient { client in
            try await Fleet(
                options: options, sender: HTTPReadingSender(client: client), clock: VirtualClock(), ledger: ledger,
                record: record
            ).run()
        }
    }

    private func lines(_ path: String) throws -> [Line] {
        try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map { line in
            let words = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            try #require(words.count == 5, "\(line)")
            let time = Instant(microseconds: try #require(Int64(words[3])))
            return Line(
                word: words[0],
                reading: TestServer.Reading(
                    device: words[1], timestamp: time.description, type: words[2],
                    value: try #require(Double(words[4]))))
        }
    }

    /// To the microsecond and to the bit, whatever became of the answers.
    @Test func itHoldsWhatWentOutAndWhatWasTakenExactly() async throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "record-\(UUID()).tsv").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        // The refusal comes first: what was taken and hung up on comes again, and must not meet it then.
        let script: [TestServer.Behaviour] = [.status(400), .takeAndHangUp, .take, .status(503), .takeAndHangUp]
        try await TestServer.run(script) { server in
            try await run(try SendingRecord(path), to: server.address)
            let lines = try lines(path)
            let sent = lines.filter { $0.word == "sent" }.map(\.reading)
            let accepted = lines.filter { $0.word == "accepted" }.map(\.reading)
            #expect(server.recorder.stored.subtracting(accepted) == [])
            #expect(Set(accepted) == server.recorder.stored)
            #expect(accepted.count == Set(accepted).count, "accepted once")
            #expect(Set(sent).isSuperset(of: accepted) && Set(sent).count > accepted.count, "one body was refused")
            #expect(sent.count > Set(sent).count, "and some went out again")
            var known: Set<TestServer.Reading> = []
            for line in lines {
                if line.word == "sent" { known.insert(line.reading) }
                #expect(known.contains(line.reading), "sent before it was accepted")
            }
        }
    }

    @Test func aRecordThatGoesOnIsOnlyAppendedTo() async throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "record-\(UUID()).tsv").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data("before\n".utf8).write(to: URL(filePath: path))
        try await TestServer.run { server in try await run(try SendingRecord(path), to: server.address) }
        #expect(try String(contentsOfFile: path, encoding: .utf8).hasPrefix("before\nsent\t"))
    }

    @Test func aRecordThatCannotBeWrittenStopsTheFleet() async throws {
        #expect(throws: SendingRecordError.self) { try SendingRecord("/nowhere/record.tsv") }
        try await TestServer.run { server in
            await #expect(throws: SendingRecordError.self) {
                try await run(try SendingRecord("/dev/full"), to: server.address)
            }
            #expect(server.recorder.stored.isEmpty, "nothing goes out that is not written down")
        }
    }
}
