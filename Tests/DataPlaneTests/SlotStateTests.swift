import DataPlane
import Detection
import HashRing
import LogFormat
import Ports
import Telemetry
import Testing

/// A slot's state as bytes between nodes.
struct SlotStateTests {
    static func bytes(_ state: SlotState) throws -> [UInt8] {
        var writer = ByteWriter()
        try state.encode(into: &writer)
        return writer.bytes
    }

    static func again(_ state: SlotState) throws -> SlotState {
        let bytes = try bytes(state)
        return try ByteReader.read(all: bytes) { reader throws(FormatError) in try SlotState(decoding: &reader) }
    }

    /// A slot with many series, replies of three origins and tombstones.
    private static func full(_ seriesCount: Int) throws -> SlotState {
        var random = SeededGenerator(seed: 3)
        let rows = (0..<seriesCount).map { index in
            var detector = DetectorState()
            for time in 0..<5 { detector.learn(random.drawUnit(), at: Instant(microseconds: Int64(time))) }
            return LatestRow(
                series: Series(
                    device: DeviceID(unchecked: "device-\(index)"), metric: Metric(unchecked: "température")),
                time: Instant(microseconds: Int64(index) - 5), value: random.drawUnit(),
                verdict: Verdict(
                    result: .anomaly, score: random.drawUnit(), model: ModelID(name: "m", version: 9), isLate: true),
                lastHeard: Instant(microseconds: 1_000_000 + Int64(index)), usualInterval: 77, state: detector.encoded()
            )
        }
        var slot = SlotBench("n0")
        slot.handle(.owned(from: nil))
        slot.handle(
            .warmed(rows, [Tombstone(device: DeviceID(unchecked: "gone"), time: Instant(microseconds: 5))]))
        slot.ask([(10, 21), (20, 22)], from: 4)
        let gift = slot.pull(by: Owner(name: "n1", incarnation: 1))
        var state = try #require(gift?.state)
        let replies = state.replies[SlotBench.origin] ?? []
        state = SlotState(joining: [state, SlotState(replies: [LogID(high: 9, low: 9): replies])])
        return state
    }

    @Test func stateComesBackToTheBit() throws {
        let state = try Self.full(50)
        #expect(state.series.count == 51 && state.replies.count == 2 && state.tombstones.count == 1)
        var again = try Self.again(state)
        // Only whether the store was told is the giver's alone.
        #expect(again.series.mapValues(\.detector) == state.series.mapValues(\.detector))
        again = SlotState(
            series: state.series, replies: again.replies, tombstones: again.tombstones, awaitsRows: again.awaitsRows)
        #expect(again == state)
        #expect(try Self.bytes(again) == Self.bytes(state))
    }

    @Test func aLargeSlotTravelsInPiecesOfBoundedSize() throws {
        let state = try Self.full(4_000)
        let pieces = state.pieces(bytesMax: 50_000)
        #expect(pieces.count > 5)
        for piece in pieces { #expect(try Self.bytes(piece).count <= 50_000) }
        #expect(SlotState(joining: pieces) == state)
        #expect(state.pieces(bytesMax: 50_000) == pieces, "cut in the same way again")
        #expect(try Self.full(100).pieces().count == 1)
        #expect(SlotState().pieces().count == 1)
        #expect(DetectorState().encoded().count == DetectorState().encodedCount)
    }

    @Test func aDetectorOfAnotherVersionIsLeftToTheStore() throws {
        let state = try Self.full(1)
        var bytes = try Self.bytes(state)
        // The detector's bytes are its version and the rest, behind their length.
        let detector = try #require(state.series.values.first).detector.encoded()
        let place = try #require((0..<bytes.count).first { bytes[$0...].starts(with: detector) })
        bytes[place] = 200
        let read = try ByteReader.read(all: bytes) { reader throws(FormatError) in try SlotState(decoding: &reader) }
        #expect(read.series.count == state.series.count - 1)
        #expect(read.awaitsRows)
    }

    @Test func brokenBytesThrow() throws {
        let bytes = try Self.bytes(try Self.full(5))
        for count in bytes.indices {
            #expect(throws: FormatError.self) {
                try ByteReader.read(all: Array(bytes[..<count])) { reader throws(FormatError) in
                    try SlotState(decoding: &reader)
                }
            }
        }
        var random = SeededGenerator(seed: 5)
        for _ in 0..<2_000 {
            var broken = bytes
            for _ in 0...random.draw(below: 3) {
                broken[random.draw(below: broken.count)] = UInt8(random.draw(below: 256))
            }
            // It throws or says something; it never traps.
            _ = try? ByteReader.read(all: broken) { reader throws(FormatError) in try SlotState(decoding: &reader) }
        }
        #expect(throws: FormatError.self) { try Self.bytes(SlotState(replies: [Self.origin: [Self.impossible]])) }
    }

    private static let origin = LogID(high: 0, low: 0)
    private static let impossible = SlotCore.Given(
        position: .start, reading: Reading(series: SlotBench.series, time: .epoch, value: 1),
        verdict: Verdict(result: .normal, score: 2, model: .none, isLate: false))
}
