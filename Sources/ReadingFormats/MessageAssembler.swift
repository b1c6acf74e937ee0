import CSimdjson
import Telemetry

/// Applies the rules of `POST /data` to one message after another and collects the columns.
///
/// Names are looked up by their bytes; a `String` is made for the first reading of a series alone.
struct MessageAssembler {
    private let body: UnsafeRawBufferPointer
    private let receivedAt: Instant
    private let stamp: () -> Instant
    private let gate: any ReadingGate

    private var devices: NamePool<DeviceID>
    private var metrics: NamePool<Metric>
    private var pairs: PairTable

    private var series: [Series] = []
    /// The last time of receipt that each series got; `distantPast` if none.
    private var lastStamps: [Instant] = []
    private var seriesIndices: [UInt32] = []
    private var times: [Instant] = []
    private var values: [Double] = []

    private var rejected = 0
    private var errors: [ItemError] = []

    init(
        body: UnsafeRawBufferPointer, receivedAt: Instant, gate: any ReadingGate, stamp: @escaping () -> Instant
    ) {
        self.body = body
        self.gate = gate
        self.receivedAt = receivedAt
        self.stamp = stamp
        let count = min(body.count / Self.readingByteCountUsual + 1, Self.reservedCountMax)
        let secret = NameHash.processSecret
        devices = NamePool(secret: secret, reserving: count)
        metrics = NamePool(secret: secret, reserving: 0)
        pairs = PairTable(secret: secret, reserving: count)
        seriesIndices.reserveCapacity(count)
        times.reserveCapacity(count)
        values.reserveCapacity(count)
    }

    /// What one reading takes in a body, more or less: the columns are reserved by it.
    private static let readingByteCountUsual = 64
    private static let reservedCountMax = 4096

    consuming func finish() -> ParsedReadings {
        let batch = ReadingBatch(
            receivedAt: receivedAt, series: series, seriesIndices: seriesIndices, times: times, values: values)
        return ParsedReadings(batch: batch, rejected: rejected, errors: errors)
    }

    mutating func accept(_ message: starling_json_message) {
        let index = Int(truncatingIfNeeded: message.index)
        guard message.fault == .none else {
            let fault = Fault(message.fault, at: message.fault_offset, in: body)
            return reject(index, "message", reason: fault.lineDescription)
        }
        guard message.kind == .object else {
            return reject(index, "message", reason: "must be a JSON object, not \(message.kind.noun)")
        }
        let device: Int
        switch devices.index(of: message.device_id) {
        case .success(let index): device = index
        case .failure(let fault): return reject(index, "device_id", reason: fault.reason)
        }
        let time = MessageTime(message.timestamp, receivedAt: receivedAt)
        if case .bad(let reason) = time { return reject(index, "timestamp", reason: reason) }
        if let reason = metricsFault(of: message) { return reject(index, "metrics", reason: reason) }
        if let reason = gate.refusal(of: devices.names[device], readings: Int(message.metrics_count)) {
            return reject(index, "device_id", reason: reason, readings: Int(message.metrics_count))
        }
        append(UnsafeBufferPointer(start: message.metrics, count: message.metrics_count), device, time, index)
    }

    private func metricsFault(of message: starling_json_message) -> String? {
        switch message.metrics_kind {
        case .absent: "is missing: send an array of {\"type\", \"value\"}"
        case .array where message.has_too_many_metrics:
            "has more than \(STARLING_JSON_METRICS_MAX) elements: send them in more than one message"
        case .array: message.metrics_count == 0 ? "is empty: send at least one {\"type\", \"value\"}" : nil
        default: "must be an array of {\"type\", \"value\"}, not \(message.metrics_kind.noun)"
        }
    }

    private mutating func append(
        _ list: UnsafeBufferPointer<starling_json_metric>, _ device: Int, _ time: MessageTime, _ message: Int
    ) {
        // Asked for at the first good reading: a message that is refused uses up no time of receipt.
        var current: Instant? = if case .given(let instant) = time { instant } else { nil }
        let isStamped = current == nil
        for position in list.indices {
            let item = list[position]
            guard item.kind == .object else {
                let reason = "must be an object with \"type\" and \"value\", not \(item.kind.noun)"
                reject(message, "metrics[\(position)]", reason: reason)
                continue
            }
            guard item.value.kind == .number else {
                reject(message, "metrics[\(position)].value", reason: Self.valueFault(item.value.kind))
                continue
            }
            let metric: Int
            switch metrics.index(of: item.type) {
            case .success(let index): metric = index
            case .failure(let fault):
                reject(message, "metrics[\(position)].type", reason: fault.reason)
                continue
            }
            guard let number = seriesNumber(device: device, metric: metric) else {
                let reason = gate.noRoom
                reject(message, "metrics[\(position)].type", reason: reason)
                continue
            }
            var reading = current ?? stamp()
            if isStamped {
                if lastStamps[number] == reading { reading = stamp() }
                lastStamps[number] = reading
                current = reading
            }
            seriesIndices.append(UInt32(truncatingIfNeeded: number))
            times.append(reading)
            values.append(item.value.number == 0 ? 0 : item.value.number)  // −0 is 0
        }
    }

    /// - Returns: nil for a series that the gate has no room for.
    private mutating func seriesNumber(device: Int, metric: Int) -> Int? {
        if let known = pairs.known(device: device, metric: metric) { return known }
        let new = Series(device: devices.names[device], metric: metrics.names[metric])
        guard gate.hasRoom(for: new) else { return nil }
        series.append(new)
        lastStamps.append(.distantPast)
        return pairs.add(device: device, metric: metric)
    }

    private static func valueFault(_ kind: starling_json_kind) -> String {
        switch kind {
        case .absent: "is missing"
        case .infinite: "must be a finite number: this one is beyond ±1.8e308"
        default: "must be a finite number, not \(kind.noun)"
        }
    }

    private mutating func reject(
        _ index: Int, _ field: @autoclosure () -> String, reason: @autoclosure () -> String, readings: Int = 1
    ) {
        rejected += readings
        guard errors.count < ParsedReadings.errorsCountMax else { return }
        errors.append(ItemError(index: index, field: field(), reason: reason()))
    }
}
