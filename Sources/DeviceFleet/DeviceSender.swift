package import Telemetry

/// The decisions of one simulated device: when it measures, what it keeps, what it sends where, what it sends again.
///
/// A value without clock or socket: the driver calls `step` with the time and does what it says. A message stays in the
/// buffer, with its time, until a server answered for it; so what went out without an answer goes out again exactly as it
/// was, and the server stores it once.
package struct DeviceSender: Sendable {
    package enum Step: Hashable, Sendable {
        case send(server: Int, [DeviceMessage])
        case wait(until: Moment)
        /// Everything was measured and answered for.
        case done
    }

    /// Messages a device keeps while no server answers: an hour at one a second. When it is full the OLDEST goes, as in
    /// the ring buffer of a real sensor: after an outage the newest readings say most about the device.
    package static let bufferCountMax = 3600

    /// Messages in one request when a buffer is drained: large enough to catch up in seconds, small enough that one
    /// refused message costs little.
    package static let messagesPerRequestMax = 100

    package private(set) var device: SimulatedDevice
    package private(set) var counts = FleetCounts()
    private var schedule: DeviceSchedule
    private var rotation: ServerRotation
    private var buffer: ArraySlice<DeviceMessage> = []
    private var lastTime: Instant?
    private var inFlight: (server: Int, messages: Int)?

    package init(device: SimulatedDevice, schedule: DeviceSchedule, rotation: ServerRotation) {
        self.device = device
        self.schedule = schedule
        self.rotation = rotation
    }

    /// Measures all that is due, then says what to do now.
    /// - Parameter wall: the wall clock at `now`; messages carry the wall time at which they were due.
    package mutating func step(now: Moment, wall: Instant) -> Step {
        precondition(inFlight == nil, "a step of \(device.id) while a request is out")
        measure(now: now, wall: wall)
        if buffer.isEmpty {
            guard let next = schedule.next else { return .done }
            return .wait(until: next)
        }
        switch rotation.choose(now: now) {
        case .ask(let server):
            let messages = Array(buffer.prefix(Self.messagesPerRequestMax))
            inFlight = (server, messages.count)
            return .send(server: server, messages)
        case .wait(let retry):
            guard let next = schedule.next else { return .wait(until: retry) }
            return .wait(until: min(retry, next))
        }
    }

    package mutating func answered(_ outcome: PostOutcome, now: Moment) {
        guard let (server, messages) = inFlight else { return }
        inFlight = nil
        switch outcome {
        case .answered(let accepted, let rejected, _):
            counts.accepted += accepted
            counts.rejected += rejected
            forget(messages)
            rotation.succeeded(server: server)
        case .refused:
            counts.rejected += messages * readingsPerMessage
            forget(messages)
            rotation.succeeded(server: server)
        case .again(_, let retryAfter):
            counts.errors += 1
            rotation.failed(server: server, retryAfterMicroseconds: retryAfter, now: now)
        }
    }

    private var readingsPerMessage: Int { device.metrics.count }

    private mutating func measure(now: Moment, wall: Instant) {
        let skipped = schedule.skip(to: now, keep: Self.bufferCountMax)
        counts.produced += skipped * readingsPerMessage
        counts.dropped += skipped * readingsPerMessage
        while let due = schedule.next, due <= now {
            schedule.take()
            var time = wall.advanced(byMicroseconds: due.microseconds - now.microseconds)
            // A wall clock that was set back must not give two messages one time.
            if let lastTime, time <= lastTime { time = lastTime.advanced(byMicroseconds: 1) }
            lastTime = time
            counts.produced += readingsPerMessage
            if buffer.count == Self.bufferCountMax {
                buffer.removeFirst()
                counts.dropped += readingsPerMessage
            }
            buffer.append(device.message(at: time))
        }
        counts.buffered = buffer.count * readingsPerMessage
        counts.anomalies = device.anomaliesCount
    }

    private mutating func forget(_ messages: Int) {
        buffer.removeFirst(messages)
        counts.buffered = buffer.count * readingsPerMessage
    }
}
