import Campaign
import Telemetry
import Testing

/// Each check finds what it is there for, and nothing where nothing is.
@Suite struct CheckTests {
    static func fact(_ device: String, _ second: Int64, _ value: Double, _ metric: String = "temperature") -> Reading {
        Reading(
            series: Series(device: DeviceID(unchecked: device), metric: Metric(unchecked: metric)),
            time: Instant(microseconds: second * 1_000_000), value: value)
    }

    /// Two devices; the last reading of b had no answer.
    static let record = """
        sent\ta\ttemperature\t1000000\t20.5
        accepted\ta\ttemperature\t1000000\t20.5
        sent\ta\ttemperature\t2000000\t20.625
        sent\ta\ttemperature\t2000000\t20.625
        accepted\ta\ttemperature\t2000000\t20.625
        sent\tb\ttemperature\t1000000\t-3.25
        accepted\tb\ttemperature\t1000000\t-3.25
        sent\tb\ttemperature\t2000000\t1e-07

        """
    static let stored = [fact("a", 1, 20.5), fact("a", 2, 20.625), fact("b", 1, -3.25)]

    private func readings() throws -> SentReadings {
        var readings = SentReadings()
        try readings.add(Self.record)
        return readings
    }

    private func found(_ stored: [Reading], deleted: Set<DeviceID> = []) throws -> [Violation.Promise] {
        Checks.stored(stored, of: try readings(), deleted: deleted).map(\.promise)
    }

    // MARK: Readings

    @Test func whatIsRightIsRight() throws {
        #expect(try readings().sent.count == 4 && readings().accepted.count == 3)
        #expect(try found(Self.stored) == [])
        #expect(try found(Self.stored + [Self.fact("b", 2, 1e-7)]) == [], "its answer was lost: it may be there")
    }

    @Test func aMissingReadingIsFound() throws {
        let violations = Checks.stored(Array(Self.stored.dropLast()), of: try readings(), deleted: [])
        #expect(violations == [Violation(.acceptedIsStored, "b temperature 1970-01-01T00:00:01.000Z -3.25")])
    }

    @Test func aDoubledReadingIsFound() throws {
        #expect(try found(Self.stored + [Self.stored[0]]) == [.storedOnce])
    }

    @Test func aWrongValueIsFound() throws {
        var stored = Self.stored
        stored[1] = Self.fact("a", 2, 20.625.nextUp)
        #expect(try found(stored) == [.acceptedIsStored, .rightValue])
    }

    @Test func aForeignReadingIsFound() throws {
        #expect(try found(Self.stored + [Self.fact("a", 3, 20.5)]) == [.nothingForeign])
        #expect(try found(Self.stored + [Self.fact("c", 1, 20.5)]) == [.nothingForeign])
        #expect(try found(Self.stored + [Self.fact("a", 1, 20.5, "humidity")]) == [.nothingForeign])
    }

    @Test func aDeletedDeviceMustBeGone() throws {
        let b = DeviceID(unchecked: "b")
        #expect(try found(Array(Self.stored.prefix(2)), deleted: [b]) == [])
        #expect(try found(Self.stored, deleted: [b]) == [.deletedStaysDeleted])
    }

    @Test(arguments: ["sent\ta\tt\t1", "sent\ta\tt\tx\t1", "lost\ta\tt\t1\t1", "sent\ta\tt\t1\t", "sent\t\tt\t1\t1"])
    func aBadLineOfARecordIsRefused(_ line: String) {
        var readings = SentReadings()
        #expect(throws: SentReadings.BadLine.self) { try readings.add(Self.record + line + "\n") }
    }

    // MARK: Latest

    private func latest(_ told: [Reading], hidden: Set<DeviceID> = []) -> [Violation.Promise] {
        Checks.latest(told, of: "n0", stored: Self.stored.reversed(), hidden: hidden).map(\.promise)
    }

    @Test func latestIsTheNewestOfEveryDevice() {
        let right = [Self.fact("a", 2, 20.625), Self.fact("b", 1, -3.25)]
        #expect(latest(right) == [])
        #expect(latest([right[0]]) == [.latestIsComplete])
        #expect(latest([right[0]], hidden: [DeviceID(unchecked: "b")]) == [])
        #expect(latest([right[0], Self.fact("b", 1, -3)]) == [.latestIsRight], "a value")
        #expect(latest([Self.fact("a", 1, 20.5), right[1]]) == [.latestIsRight], "an old one")
        #expect(latest(right + [Self.fact("c", 1, 1)]) == [.latestIsRight], "one that is not stored")
        #expect(latest(right + [right[0]]) == [.latestIsRight], "one twice")
    }

    // MARK: Ledger

    private static let closed = Checks.Ledger(
        accepted: 10, stored: 8, pending: 0, duplicates: 2, discarded: 0, damaged: 0, orphaned: 0)

    private func ledger(_ change: (inout Checks.Ledger) -> Void) -> [Violation] {
        var ledger = Self.closed
        change(&ledger)
        return Checks.ledger(ledger, of: "n0", members: Self.closed)
    }

    @Test func aLedgerThatIsNotClosedIsFound() {
        #expect(ledger { _ in } == [])
        let changes: [(inout Checks.Ledger) -> Void] = [
            { $0.accepted += 1 }, { $0.stored -= 1 }, { $0.pending += 1 }, { $0.duplicates += 1 },
            { $0.discarded += 1 }, { $0.damaged += 1 }, { $0.orphaned += 1 },
            // Closed, but not with all.
            { ($0.accepted, $0.stored) = (9, 7) }, { ($0.pending, $0.stored) = (1, 7) },
        ]
        for change in changes { #expect(ledger(change).map(\.promise) == [.ledgerIsClosed]) }
    }

    @Test func checkpointsThatDisagreeWithRowsOrClientsAreFound() {
        func found(rows: Int = 8, deletedRows: Int = 0, accepted: Int = 10) -> [Violation.Promise] {
            Checks.checkpoints(Self.closed, rows: rows, deletedRows: deletedRows, accepted: accepted).map(\.promise)
        }
        #expect(found() == [])
        #expect(found(rows: 6, deletedRows: 2) == [])
        #expect(found(rows: 7) == [.ledgerIsClosed])
        #expect(found(rows: 9) == [.ledgerIsClosed])
        #expect(found(rows: 5, deletedRows: 2) == [.ledgerIsClosed])
        #expect(found(accepted: 11) == [.ledgerIsClosed])
    }
}
