import NIOCore
import Ports
import Telemetry

/// Writes server-sent events (WHATWG HTML, 9.2). JSON has no line ends of its own, so each event is one `data` line.
struct EventWriter {
    private var json = JSONWriter(capacity: HTTPLimits.streamPartBytes * 2)

    var isFull: Bool { json.count >= HTTPLimits.streamPartBytes }

    mutating func take() -> ByteBuffer { json.takeBuffer() }

    /// The first words: a client sees that it is heard, and learns when to come back once it is cut off.
    mutating func greet() {
        json.writeRaw(": starling\nretry: ")
        json.writeLine(String(HTTPLimits.streamRetryMilliseconds))
        json.endLine()
    }

    mutating func heartbeat() {
        json.writeRaw(": heartbeat\n\n")
    }

    mutating func reading(_ reading: LiveReading, id: Instant) {
        begin("reading", id)
        json.write(reading)
        end()
    }

    mutating func anomaly(_ episode: AnomalyEpisode, id: Instant) {
        begin("anomaly", id)
        json.write(episode)
        end()
    }

    /// What follows is not news but what the client may have missed.
    mutating func resync(_ resync: Resync, _ answer: LatestAnswer) {
        begin("resync", resync.id)
        json.object { json in
            json.key("since")
            json.value(resync.since)
            json.key("devices")
            json.value(answer.devices.count)
            if !answer.missing.isEmpty {
                json.key("partial")
                json.array(answer.missing) { $0.value($1) }
            }
        }
        end()
    }

    private mutating func begin(_ event: StaticString, _ id: Instant) {
        json.writeRaw("event: ")
        json.writeRaw(event)
        json.writeRaw("\nid: ")
        json.writeTime(id)
        json.writeRaw("\ndata: ")
    }

    private mutating func end() {
        json.endLine()
        json.endLine()
    }
}
