package import Ports
import Telemetry

/// The JSON that a receiver gets: written once for each delivery and kept, so that every attempt says the same.
package struct AlertBody {
    private var bytes: [UInt8] = []

    /// - Parameter event: what of the alert is told.
    package static func bytes(of alert: Alert, _ event: AlertDelivery.Event, flock: String, node: String) -> [UInt8] {
        let episode = alert.episode
        var body = AlertBody()
        body.bytes.reserveCapacity(512)
        body.add("id", text: episode.id)
        body.add("event", text: event.name)
        body.add("kind", text: episode.kind.rawValue)
        body.add("device_id", text: episode.series.device.text)
        body.add("type", text: episode.series.metric.text)
        body.add("start", text: episode.start.description)
        body.add("peak", text: episode.peak.description)
        let end = event == .end ? episode.end : nil
        if let end { body.add("end", text: end.description) } else { body.add("end", raw: "null") }
        body.add("score", number: episode.score)
        body.add("value", number: episode.value)
        body.add("reason", text: episode.reason)
        body.add("model", text: episode.model.description)
        body.add("flock", text: flock)
        body.add("node", text: node)
        body.bytes.append(UInt8(ascii: "}"))
        return body.bytes
    }

    private mutating func add(_ key: String, raw: String) {
        bytes.append(bytes.isEmpty ? UInt8(ascii: "{") : UInt8(ascii: ","))
        bytes += "\"\(key)\":\(raw)".utf8
    }

    /// Whole numbers without a fraction; JSON has no infinities and no NaN.
    private mutating func add(_ key: String, number: Double) {
        guard number.isFinite else { return add(key, raw: "null") }
        let isWhole = number.magnitude < 0x1p53 && number == number.rounded(.towardZero)
        add(key, raw: isWhole ? String(Int64(number)) : number.description)
    }

    private mutating func add(_ key: String, text: String) {
        add(key, raw: "\"")
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
            case 0..<0x20:
                let digits = String(byte, radix: 16)
                bytes += "\\u\(String(repeating: "0", count: 4 - digits.utf8.count))\(digits)".utf8
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
