import ServiceLifecycle
package import Telemetry

/// Sends recorded rows as quickly as the server takes them.
package struct Replay: Service {
    package let series: Series
    package let rows: [ReplayRow]
    package let servers: [ServerAddress]
    package let ledger: FleetLedger
    private let sender: any ReadingSender
    private let clock: any FleetClock
    private let backoff: Backoff
    private let seed: UInt64

    package init(
        series: Series, rows: [ReplayRow], servers: [ServerAddress], backoff: Backoff = .usual, seed: UInt64,
        sender: any ReadingSender, clock: any FleetClock, ledger: FleetLedger
    ) {
        precondition(!servers.isEmpty, "a replay without a server")
        self.series = series
        self.rows = rows
        self.servers = servers
        self.backoff = backoff
        self.seed = seed
        self.sender = sender
        self.clock = clock
        self.ledger = ledger
    }

    package func run() async {
        var core = ReplaySender(
            rowsCount: rows.count,
            rotation: ServerRotation(serversCount: servers.count, home: 0, backoff: backoff, seed: seed))
        var reported = FleetCounts()
        while true {
            let step = core.step(now: clock.now())
            ledger.add(core.counts - reported)
            reported = core.counts
            switch step {
            case .done: return
            case .wait(let moment):
                guard await clock.pause(until: moment) else { return }
            case .send(let server, let range):
                if Task.isShuttingDownGracefully || Task.isCancelled { return }
                let outcome = await sender.post(
                    MessageBody.lines(series: series, points: rows[range]), contentType: MessageBody.ndjson,
                    to: servers[server], readings: range.count)
                core.answered(outcome, now: clock.now())
                ledger.note(outcome, of: servers[server])
            }
        }
    }
}
