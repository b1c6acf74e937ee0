package import Telemetry

/// Readings as the bodies of `POST /data`. Written by hand: the shapes are three lines, and a replay writes millions.
package enum MessageBody {
    package static let json = "application/json"
    package static let ndjson = "application/x-ndjson"

    /// One message as an object, as the first prototype's devices sent it; several as an array.
    package static func bytes(device: DeviceID, metrics: [Metric], messages: some Collection<DeviceMessage>) -> [UInt8]
    {
        let head = "{\"device_id\":" + quoted(device.text) + ",\"timestamp\":\""
        let names = metrics.map { "{\"type\":" + quoted($0.text) + ",\"value\":" }
        var text = messages.count == 1 ? "" : "["
        var isFirst = true
        for message in messages {
            if !isFirst { text += "," }
            isFirst = false
            text += head + message.time.description + "\",\"metrics\":["
            for (position, value) in message.values.enumerated() where position < names.count {
                if position > 0 { text += "," }
                text += names[position] + value.description + "}"
            }
            text += "]}"
        }
        if messages.count != 1 { text += "]" }
        return Array(text.utf8)
    }

    /// One reading a line, all of one series.
    package static func lines(series: Series, points: some Collection<ReplayRow>) -> [UInt8] {
        let head = "{\"device_id\":" + quoted(series.device.text) + ",\"timestamp\":\""
        let middle = "\",\"metrics\":[{\"type\":" + quoted(series.metric.text) + ",\"value\":"
        var text = ""
        text.reserveCapacity(points.count * (head.utf8.count + middle.utf8.count + 48))
        for point in points {
            text += head + point.time.description + middle + point.value.description + "}]}\n"
        }
        return Array(text.utf8)
    }

    /// A JSON string. Names hold no control characters (`ByteName` refuses them), so two escapes are all there are.
    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            if scalar == "\"" || scalar == "\\" { quoted.unicodeScalars.append("\\") }
            quoted.unicodeScalars.append(scalar)
        }
        return quoted + "\""
    }
}
