import NodeHarness
import Telemetry

/// Readings that follow from their number alone, so that what was sent need not be remembered to be compared.
struct Traffic: Sendable {
    static let metric = "temperature"
    /// 2024-01-01T00:00:00Z: long before any test runs.
    private static let startMicroseconds: Int64 = 1_704_067_200_000_000
    private static let stepMicroseconds: Int64 = 1_001

    let devicesCount: Int
    let readingsPerBatch: Int
    let batchesCount: Int
    private let name: String

    init(batches: Int, of readings: Int, devices: Int = 100, named name: String = "device-") {
        self.name = name
        batchesCount = batches
        readingsPerBatch = readings
        devicesCount = devices
    }

    var readingsCount: Int { batchesCount * readingsPerBatch }
    var batches: [Int] { Array(0..<batchesCount) }

    func device(_ reading: Int) -> String { name + String(reading % devicesCount) }
    func time(_ reading: Int) -> Instant {
        Instant(microseconds: Self.startMicroseconds + Int64(reading) * Self.stepMicroseconds)
    }
    func value(_ reading: Int) -> Double {
        Double(SeededGenerator.mixed(UInt64(reading)) % 10_000) / 100
    }

    func readings(of batch: Int) -> Range<Int> {
        batch * readingsPerBatch..<(batch + 1) * readingsPerBatch
    }

    /// A batch as a whole request.
    func request(_ batch: Int) -> [UInt8] {
        var lines = ""
        for reading in readings(of: batch) {
            lines += """
                {"device_id":"\(device(reading))","timestamp":"\(time(reading))","metrics":\
                [{"type":"\(Self.metric)","value":\(value(reading))}]}\n
                """
        }
        return HTTPConnection.request(
            "POST", "/data", headers: [("Content-Type", "application/x-ndjson")], body: Array(lines.utf8))
    }

    /// What the store holds of these batches.
    func keys(of batches: some Sequence<Int>) -> KeySum {
        keys(ofReadings: batches.lazy.flatMap(readings))
    }

    func keys(ofReadings readings: some Sequence<Int>) -> KeySum {
        var sum = KeySum()
        for reading in readings {
            sum.add(
                device: device(reading), metric: Self.metric, time: time(reading).microseconds, value: value(reading))
        }
        return sum
    }

    /// The number of one of these readings, which its time tells.
    func number(of reading: Reading) -> Int {
        Int((reading.time.microseconds - Self.startMicroseconds) / Self.stepMicroseconds)
    }
}
