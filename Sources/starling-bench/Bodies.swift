import NodeHarness
import Telemetry

/// Bodies of `POST /data`, made before anything is measured: a batch is one reading of each of 1,000 devices, the same
/// ones every time, or of a larger fleet the next ones in turn.
struct Bodies {
    static let devicesCount = 1_000
    static let readingsPerBatch = devicesCount
    static let metric = "temperature"
    /// Between two readings of a device.
    private static let stepMicroseconds: Int64 = 1_000_000

    /// Of the first batch. In the past by a day and by what all batches span, for a node refuses the future.
    let start: Instant
    let fleetCount: Int

    /// - Parameter fleet: devices in all; a multiple of those of a batch.
    init(batches: Int, fleet: Int = Self.devicesCount) {
        fleetCount = fleet
        let now = Int64(WallClock.microseconds())
        let span = Int64(batches) * Self.stepMicroseconds + 86_400_000_000
        start = Instant(microseconds: (now - span) / 1_000_000 * 1_000_000)
    }

    static func device(_ index: Int) -> String {
        let digits = String(index)
        return "device-" + String(repeating: "0", count: max(0, 5 - digits.utf8.count)) + digits
    }

    func time(_ batch: Int) -> Instant {
        start.advanced(byMicroseconds: Int64(batch) * Self.stepMicroseconds)
    }

    /// The devices of a batch.
    func devices(_ batch: Int) -> Range<Int> {
        let first = batch * Self.readingsPerBatch % fleetCount
        return first..<first + Self.devicesCount
    }

    /// A level of the device's own and noise, as a sensor has them.
    static func value(_ device: Int, _ batch: Int) -> Double {
        let noise = SeededGenerator.mixed(UInt64(device) << 32 | UInt64(batch)) % 200
        return Double(1_500 + device + Int(noise)) / 100
    }

    private func append(_ batch: Int, separator: String, to body: inout [UInt8]) {
        let middle = "\",\"timestamp\":\"\(time(batch))\",\"metrics\":[{\"type\":\"\(Self.metric)\",\"value\":"
        let devices = devices(batch)
        for device in devices {
            if device > devices.lowerBound { body.append(contentsOf: separator.utf8) }
            body.append(contentsOf: "{\"device_id\":\"".utf8)
            body.append(contentsOf: Self.device(device).utf8)
            body.append(contentsOf: middle.utf8)
            body.append(contentsOf: Self.value(device, batch).description.utf8)
            body.append(contentsOf: "}]}".utf8)
        }
    }

    func ndjson(_ batch: Int) -> [UInt8] {
        var body: [UInt8] = []
        append(batch, separator: "\n", to: &body)
        body.append(0x0A)
        return body
    }

    func array(_ batch: Int) -> [UInt8] {
        var body: [UInt8] = [UInt8(ascii: "[")]
        append(batch, separator: ",", to: &body)
        body.append(UInt8(ascii: "]"))
        return body
    }

    func request(_ batch: Int) -> [UInt8] {
        HTTPConnection.request(
            "POST", "/data", headers: [("Content-Type", "application/x-ndjson")], body: ndjson(batch))
    }

    func readings(_ batch: Int) -> ReadingBatch {
        ReadingBatch(
            receivedAt: time(batch),
            readings: devices(batch).map { device in
                Reading(
                    series: Series(
                        device: DeviceID(unchecked: Self.device(device)), metric: Metric(unchecked: Self.metric)),
                    time: time(batch), value: Self.value(device, batch))
            })
    }
}
