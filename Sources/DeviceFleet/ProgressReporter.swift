import ServiceLifecycle
import Telemetry

/// Writes the progress of a run: one line that is written over again on a terminal, a plain line each few seconds
/// elsewhere.
package struct ProgressReporter: Service {
    package static let terminalPeriodMicroseconds: Int64 = 500_000
    package static let plainPeriodMicroseconds: Int64 = 5_000_000

    private let ledger: FleetLedger
    private let clock: any FleetClock
    private let total: Int?
    /// Columns of the terminal; nil elsewhere.
    private let columns: Int?
    private let write: @Sendable (String) -> Void

    package init(
        ledger: FleetLedger, clock: any FleetClock, total: Int?, columns: Int?,
        write: @escaping @Sendable (String) -> Void
    ) {
        self.ledger = ledger
        self.clock = clock
        self.total = total
        self.columns = columns
        self.write = write
    }

    /// Returns only when the run is asked to stop.
    package func run() async {
        let period = columns != nil ? Self.terminalPeriodMicroseconds : Self.plainPeriodMicroseconds
        var previous = ledger.counts
        var moment = clock.now()
        while true {
            let next = moment.advanced(byMicroseconds: period)
            guard await clock.pause(until: next) else { break }
            let now = clock.now()
            let counts = ledger.counts
            let line = ProgressLine.text(
                counts, previous: previous, seconds: Double(now.microseconds - moment.microseconds) / 1e6,
                total: total, lastError: ledger.lastError)
            // A line that wraps could not be written over.
            write(columns.map { "\r\u{1B}[K" + line.prefix(max(20, $0 - 1)) } ?? line + "\n")
            previous = counts
            moment = now
        }
        if columns != nil { write("\r\u{1B}[K") }
    }
}
