import DeviceFleet
import Telemetry
import Testing

@Suite struct ReplayTests {
    private func file(_ text: String) -> ReplayFile { ReplayFile(Array(text.utf8)) }

    private func time(_ text: String) throws -> Instant { try #require(Instant(rfc3339: text)) }

    @Test func readsTheFormOfTheBenchmarkAsUTC() throws {
        let file = file("timestamp,value\n2013-07-04 00:00:00,69.88083514\n2013-07-04 01:00:00,71\n")
        #expect(
            file.rows == [
                ReplayRow(time: try time("2013-07-04T00:00:00Z"), value: 69.88083514),
                ReplayRow(time: try time("2013-07-04T01:00:00Z"), value: 71),
            ])
        #expect(file.badRowsCount == 0)
    }

    @Test(arguments: [
        "2013-07-04 00:00:00,5\n", "2013-07-04T00:00:00Z,5", "2013-07-04T02:00:00+02:00,5\r\n", "1372896000,5\n",
        "1372896000000,5", "\u{FEFF}timestamp,value\r\n2013-07-04 00:00:00,5.0\r\n", "\"2013-07-04 00:00:00\",\"5\"",
        "value,timestamp\n5,2013-07-04 00:00:00\n", "id,timestamp,label,value\n1,2013-07-04 00:00:00,0,5\n",
        "time,temp\n2013-07-04 00:00:00,5\n", "\n\n2013-07-04 00:00:00, 5 \n\n",
    ])
    func takesWhatPeopleHave(text: String) throws {
        let file = file(text)
        #expect(file.rows == [ReplayRow(time: try time("2013-07-04T00:00:00Z"), value: 5)])
        #expect(file.badRows == [])
    }

    @Test(arguments: [
        ("2013-07-04 00:00:00,\n", 1), ("timestamp,value\nyesterday,5\n", 2),
        ("timestamp,value\n\n2013-07-04 00:00:00,nan", 3),
        ("timestamp,value\n2013-07-04 00:00:00,inf", 2), ("timestamp,value\n2013-07-04 00:00:00\n", 2),
        ("timestamp,value\n2013-02-30 00:00:00,1\n", 2), ("timestamp,value\n2013-07-04 00:00:00,1e400\n", 2),
    ])
    func namesBadRowsByTheirLineAndSkipsThem(text: String, line: Int) {
        let file = file(text)
        #expect(file.rows == [])
        #expect(file.badRows.map(\.line) == [line])
    }

    @Test func namesSomeBadRowsAndCountsAll() {
        let file = file("timestamp,value\n" + String(repeating: "x,y\n", count: 500))
        #expect(file.badRows.count == ReplayFile.badRowsNamedMax)
        #expect(file.badRowsCount == 500)
    }

    @Test func distinctRowsDifferInTimeOrValue() {
        let file = file("1000000000,1\n1000000000,1\n1000000000,2\n1000000001,1\n1000000002,0\n1000000002,-0\n")
        #expect(file.rows.count == 6)
        #expect(file.distinctRowsCount == 4)
    }

    @Test(arguments: 0..<200 as Range<UInt64>)
    func anyBytesAreRowsOrBadRows(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let alphabet = Array("0123456789-: ,.\n\r\"tTZe+".utf8) + [0, 0xFF, 0xC3]
        let bytes = (0..<400).map { _ in alphabet[generator.draw(below: alphabet.count)] }
        let file = ReplayFile(bytes)
        #expect(file.rows.allSatisfy { $0.value.isFinite })
        #expect(file.badRows.count <= file.badRowsCount)
    }

    @Test func sendsInOrderOneRequestAtATimeAndRepeatsWhatHadNoAnswer() {
        let max = ReplaySender.rowsPerRequestMax
        var core = ReplaySender(
            rowsCount: max + 3, rotation: ServerRotation(serversCount: 1, home: 0, backoff: .usual, seed: 1))
        let now = Moment(microseconds: 0)
        #expect(core.step(now: now) == .send(server: 0, rows: 0..<max))
        core.answered(.again(reason: "503", retryAfterMicroseconds: 2_000_000), now: now)
        #expect(core.step(now: now) == .wait(until: Moment(microseconds: 2_000_000)))
        let later = Moment(microseconds: 2_000_000)
        #expect(core.step(now: later) == .send(server: 0, rows: 0..<max))
        core.answered(.answered(accepted: max, rejected: 0, reason: nil), now: later)
        #expect(core.step(now: later) == .send(server: 0, rows: max..<(max + 3)))
        core.answered(.answered(accepted: 2, rejected: 1, reason: "late"), now: later)
        #expect(core.step(now: later) == .done)
        #expect(core.counts.accepted == max + 2 && core.counts.rejected == 1 && core.counts.buffered == 0)
    }
}
