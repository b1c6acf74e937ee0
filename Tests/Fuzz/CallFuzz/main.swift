import ClusterActors
import DataPlane
import FuzzKit
import HashRing
import LogFormat
import Ports
import Telemetry

// Arguments and results of the calls between nodes; the first byte says of which. What is read is written, and read again
// it is the same.

func check<Value: WireValue & Equatable>(_: Value.Type, _ bytes: UnsafeRawBufferPointer) {
    var reader = ByteReader(bytes)
    guard let value = try? Value(decoding: &reader) else { return }
    var writer = ByteWriter()
    do throws(FormatError) {
        try value.encode(into: &writer)
    } catch {
        preconditionFailure("read \(value), which cannot be written: \(error)")
    }
    let again = try? ByteReader.read(all: writer.bytes) { reader throws(FormatError) in try Value(decoding: &reader) }
    precondition(again == value, "read \(value), then \(String(describing: again))")
    // What stands for a few bytes must not take much of them.
    precondition(writer.count <= bytes.count + SlotSet.wordsCount * 8 + 64, "\(bytes.count) became \(writer.count)")
}

/// An owner's columns are walked by index.
func checkColumns(_ bytes: UnsafeRawBufferPointer) {
    var reader = ByteReader(bytes)
    guard let call = try? ScoreCall(decoding: &reader) else { return }
    precondition(call.parts.reduce(0) { $0 + $1.readings.count } == call.count, "\(call.parts) of \(call.count)")
    precondition(call.seriesIndices.allSatisfy { $0 < call.series.count }, "\(call.seriesIndices)")
}

let checks: [(UnsafeRawBufferPointer) -> Void] = [
    { check(ScoreCall.self, $0) }, { check(ScoreReply.self, $0) }, { check(LatestCall.self, $0) },
    { check(LatestReply.self, $0) }, { check(LiveCall.self, $0) }, { check(LiveReply.self, $0) },
    { check(NodeStatus.self, $0) }, { check(Flag.self, $0) }, { check(PullCall.self, $0) },
    { check(PullReply.self, $0) }, { check(OfferCall.self, $0) }, { check(DeviceID.self, $0) },
    { check(Instant.self, $0) }, checkColumns,
]

try Fuzzer.run(seeds: Seeds.all) { bytes in
    guard let (first, rest) = bytes.divided() else { return }
    checks[Int(first) % checks.count](rest)
}
