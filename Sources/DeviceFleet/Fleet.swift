import Logging
import ServiceLifecycle
package import Telemetry

/// What a fleet is and where it sends.
package struct FleetOptions: Hashable, Sendable {
    package var servers: [ServerAddress]
    /// One task each.
    package var devices: [DeviceID]
    package var intervalMicroseconds: Int64
    package var anomalyRate: Double
    package var seed: UInt64
    /// Messages each device sends before it is done; nil for ever.
    package var messagesCountMax: Int?
    package var backoff = Backoff.usual

    package static let devicesCountMax = 100_000

    package init(
        servers: [ServerAddress], devices: [DeviceID], intervalMicroseconds: Int64, anomalyRate: Double, seed: UInt64,
        messagesCountMax: Int? = nil
    ) {
        self.servers = servers
        self.devices = devices
        self.intervalMicroseconds = intervalMicroseconds
        self.anomalyRate = anomalyRate
        self.seed = seed
        self.messagesCountMax = messagesCountMax
    }
}

/// Drives the simulated devices, one task each, until all are done or a graceful shutdown asks them to stop. A request
/// that is out when that happens is waited for, so that nothing a server took is left without its answer.
package struct Fleet: Service {
    package let options: FleetOptions
    package let ledger: FleetLedger
    private let sender: any ReadingSender
    private let clock: any FleetClock
    private let record: SendingRecord?

    package init(
        options: FleetOptions, sender: any ReadingSender, clock: any FleetClock, ledger: FleetLedger,
        record: SendingRecord? = nil
    ) {
        precondition(!options.servers.isEmpty, "a fleet without a server")
        self.options = options
        self.sender = sender
        self.clock = clock
        self.ledger = ledger
        self.record = record
    }

    /// - Throws: when the record cannot be written.
    package func run() async throws {
        let start = clock.now()
        try await withThrowingDiscardingTaskGroup { group in
            for index in options.devices.indices {
                group.addTask(name: "device \(options.devices[index])") { try await drive(index, from: start) }
            }
        }
    }

    private func drive(_ index: Int, from start: Moment) async throws {
        var core = makeSender(index, from: start)
        let metrics = core.device.metrics
        let id = core.device.id
        var reported = FleetCounts()
        while true {
            let step = core.step(now: clock.now(), wall: clock.wallNow())
            ledger.add(core.counts - reported)
            reported = core.counts
            switch step {
            case .done: return
            case .wait(let moment):
                guard await clock.pause(until: moment) else { return }
            case .send(let server, let messages):
                if Task.isShuttingDownGracefully || Task.isCancelled { return }
                let address = options.servers[server]
                let readings = messages.count * metrics.count
                try record?.note(.sent, device: id, metrics: metrics, messages: messages)
                let outcome = await sender.post(
                    MessageBody.bytes(device: id, metrics: metrics, messages: messages),
                    contentType: MessageBody.json, to: address, readings: readings)
                if case .answered(readings, _, _) = outcome {
                    try record?.note(.accepted, device: id, metrics: metrics, messages: messages)
                }
                core.answered(outcome, now: clock.now())
                ledger.note(outcome, of: address)
            }
        }
    }

    /// Devices start spread over the first interval, and each has its home server in turn.
    private func makeSender(_ index: Int, from start: Moment) -> DeviceSender {
        let seed = SimulatedDevice.seed(of: index, in: options.seed)
        let offset = Double(options.intervalMicroseconds) * Double(index) / Double(options.devices.count)
        return DeviceSender(
            device: SimulatedDevice(
                id: options.devices[index], index: index, anomalyRate: options.anomalyRate, seed: options.seed),
            schedule: DeviceSchedule(
                first: start.advanced(byMicroseconds: Int64(offset)),
                intervalMicroseconds: options.intervalMicroseconds, messagesCountMax: options.messagesCountMax),
            rotation: ServerRotation(
                serversCount: options.servers.count, home: index, backoff: options.backoff, seed: ~seed))
    }
}

extension FleetClock {
    /// - Returns: false if the run is to stop.
    func pause(until moment: Moment) async -> Bool {
        do {
            try await cancelWhenGracefulShutdown { try await sleep(until: moment) }
            return !Task.isShuttingDownGracefully && !Task.isCancelled
        } catch {
            return false
        }
    }
}
