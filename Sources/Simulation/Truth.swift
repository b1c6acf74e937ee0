import DataPlane
import HashRing
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
    /// It may be stored as `unscored` whatever its calls: there was no ring, or the disk hurt a verdict.
    private(set) var mayBeUnscored: [Bool] = []
    private var firstOffers: [Moment?] = []
    private var firstOwners: [Owner?] = []
    private var hasOtherOwners: [Bool] = []
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
        firstOffers.append(nil)
        firstOwners.append(nil)
        hasOtherOwners.append(false)
        return reading
    }

    func isSent(_ reading: Reading) -> Bool {
        let number = Self.number(of: reading.value)
        return sent.indices.contains(number) && sent[number] == reading
    }

    mutating func offer(_ batch: ReadingBatch, at now: Moment) {
        for value in batch.values {
            let number = Self.number(of: value)
            firstOffers[number] = firstOffers[number] ?? now
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

    mutating func noteCall(_ number: Int, to owner: Owner) {
        if let first = firstOwners[number], first != owner { hasOtherOwners[number] = true }
        firstOwners[number] = firstOwners[number] ?? owner
    }

    /// Its owners had their time, or there was more than one of them.
    func hasWaited(_ number: Int, _ patience: Int64, until now: Moment) -> Bool {
        hasOtherOwners[number]
            || firstOffers[number].map { $0.advanced(byMicroseconds: patience) <= now } ?? false
    }

    mutating func noteGiven(_ number: Int, _ verdict: Verdict) {
        if !given[number].contains(verdict) { given[number].append(verdict) }
    }

    mutating func noteReplayed(_ numbers: some Sequence<Int>, by writer: WriterID) {
        replayed[writer, default: []].formUnion(numbers)
    }

    func wasReplayed(_ number: Int, by writer: WriterID) -> Bool { replayed[writer]?.contains(number) ?? false }
}
