import HTTPTypes
import NIOCore
import Ports
import ServiceLifecycle
import Telemetry

/// `GET /stream`: scored readings of the whole flock as server-sent events, until the client goes or the node stops.
extension Handlers {
    func getStream(_ call: Call) throws(Problem) -> Answer {
        let filter = try LiveFilter(try call.query())
        let headers: HTTPFields = [
            .contentType: MediaType.eventStream, .cacheControl: "no-store", .accelBuffering: "no",
        ]
        var answer = Answer(headers: headers, body: .stream { _ in })
        // Packing would hold events back until there are enough of them.
        answer.isPackable = false
        if call.method == .head { return answer }
        guard let seat = seats.take() else {
            throw .retryLater(
                .streamsFull, "this node serves \(settings.streamsMax) streams and no more: ask another node",
                seconds: HTTPLimits.retryAfterSeconds)
        }
        let lastEventID = call.headers[.lastEventID]
        answer.body = .stream { stream in
            // Held until here, not by the feed: the node lets go of that only with its next batch.
            defer { withExtendedLifetime(seat) {} }
            let feed = StreamFeed(seats: seats, channel: call.channel)
            let heartbeat = call.channel.eventLoop.scheduleRepeatedTask(
                initialDelay: settings.streamHeartbeat, delay: settings.streamHeartbeat
            ) { _ in feed.beat() }
            defer { heartbeat.cancel() }
            try await withGracefulShutdownHandler {
                try await send(feed, to: call.caller, through: filter, after: lastEventID, in: &stream)
            } onGracefulShutdown: {
                feed.end()
            }
        }
        return answer
    }

    @concurrent private func send(
        _ feed: StreamFeed, to caller: Caller, through filter: LiveFilter, after lastEventID: String?,
        in stream: inout AnswerStream
    ) async throws {
        var events = EventWriter()
        events.greet()
        try await stream.write(events.take())
        // First listen, then ask: what changes in between is told twice rather than never.
        node.subscribe(feed)
        if let lastEventID {
            try await resync(Resync(lastEventID: lastEventID, now: node.receiptTime()), filter, &events, &stream)
        }
        var pacer = LivePacer(filter)
        for await input in feed.inputs {
            switch input {
            case .heartbeat:
                // A key may have been revoked since.
                guard gatekeeper.isStillKnown(caller) else { return }
                events.heartbeat()
            case .batch(let batch):
                for reading in pacer.pass(batch) {
                    events.reading(reading, id: batch.time)
                    if events.isFull { try await stream.write(events.take()) }
                }
                for episode in batch.anomalies where filter.accepts(episode) {
                    events.anomaly(episode, id: batch.time)
                    if events.isFull { try await stream.write(events.take()) }
                }
            }
            try await stream.write(events.take())
        }
    }

    @concurrent private func resync(
        _ resync: Resync, _ filter: LiveFilter, _ events: inout EventWriter, _ stream: inout AnswerStream
    ) async throws {
        let answer = await node.latest(filter.latest(since: resync.since))
        events.resync(resync, answer)
        for device in answer.devices {
            for metric in device.metrics {
                events.reading(LiveReading(device: device.device, metric: metric), id: resync.id)
                if events.isFull { try await stream.write(events.take()) }
            }
        }
        try await stream.write(events.take())
    }
}

extension JSONWriter {
    mutating func write(_ reading: LiveReading) {
        object { json in
            json.key("device_id")
            json.value(reading.device.text)
            json.writeMembers(of: reading.metric)
        }
    }
}
