import DataPlane
import LogFormat
import Ports
import Telemetry

/// What really happened, seen from outside: what clients sent and were promised, what owners answered, what disks lost.
struct Truth {
    private(set) var sent: [Reading] = []
    /// A client has a 202 for it.
    private(set) var isPromised: [Bool] = []
    /// No disk holds it, and no store does: nobody could bring it back.
    private(set) var isLost: [Bool] = []
    /// The latest receipt among its copies that were promised.
    private(set) var receivedAt: [Instant] = []
    /// The latest receipt among all its copies.
    private(set) var offeredAt: [Instant] = []
    /// Verdicts that owners gave.
    private(set) var given: [[Verdict]] = []
    /// It may be stored as `unscored`: a call with it failed, or the disk hurt a verdict.
    private(set) var mayBeUnscored: [Bool] = []
    private var callsCount: [UInt8] = []
    /// Found in the log at the start of this life.
    private var replayed: [WriterID: Set<Int>] = [:]

    /// The value names the reading: whole numbers, each used once.
    static func number(of value: Double) -> Int { Int(exactly: value) ?? -1 }

    mutating func makeReading(_ series: Series, at time: Instant) -> Reading {
        let reading = Reading(series: series, time: time, value: Double(sent.count))
        sent.append(reading)
        isPromised.append(false)
        isLost.append(false)
        receivedAt.append(.distantPast)
        offeredAt.append(.distantPast)
        given.append([])
        mayBeUnscored.append(false)
        callsCount.append(0)
        return reading
    }

    func isSent(_ reading: Reading) -> Bool {
        let number = Self.number(of: reading.value)
        return sent.indices.contains(number) && sent[number] == reading
    }

    mutating func offer(_ batch: ReadingBatch) {
        for value in batch.values {
            let number = Self.number(of: value)
            offeredAt[number] = max(offeredAt[number], batch.receivedAt)
        }
    }

    mutating func promise(_ batch: ReadingBatch) {
        for value in batch.values {
            let number = Self.number(of: value)
            isPromised[number] = true
            isLost[number] = false
            receivedAt[number] = max(receivedAt[number], batch.receivedAt)
        }
    }

    mutating func lose(_ number: Int) { isLost[number] = true }
    mutating func allowUnscored(_ number: Int) { mayBeUnscored[number] = true }

    mutating func noteCall(_ number: Int) {
        callsCount[number] = min(callsCount[number], 100) + 1
        if callsCount[number] >= 2 { mayBeUnscored[number] = true }
    }

    mutating func noteGiven(_ number: Int, _ verdict: Verdict) {
        if !given[number].contains(verdict) { given[number].append(verdict) }
    }

    mutating func noteReplayed(_ numbers: some Sequence<Int>, by writer: WriterID) {
        replayed[writer, default: []].formUnion(numbers)
    }

    func wasReplayed(_ number: Int, by writer: WriterID) -> Bool { replayed[writer]?.contains(number) ?? false }
}
