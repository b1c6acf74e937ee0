import Telemetry

/// A writer of JSON that has nothing in common with the reader.
enum JSONText {
    static func message(_ reading: Reading) -> String {
        let series = reading.series
        return "{\"metrics\":[{\"value\":\(reading.value),\"type\":\(string(series.metric.text))}],\"device_id\":"
            + "\(string(series.device.text)),\"timestamp\":\"\(reading.time)\"}"
    }

    /// Every other character escaped.
    private static func string(_ text: String) -> String {
        var json = "\""
        for (index, scalar) in text.unicodeScalars.enumerated() {
            if index % 2 == 0, scalar != "\"", scalar != "\\" {
                json.unicodeScalars.append(scalar)
            } else {
                for unit in String(scalar).utf16 {
                    let digits = String(unit, radix: 16)
                    json += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
                }
            }
        }
        return json + "\""
    }
}
