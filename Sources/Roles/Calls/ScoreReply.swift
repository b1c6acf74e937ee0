import ClusterActors
package import DataPlane
import HashRing
package import LogFormat
import Telemetry

/// An owner's answer to a call: verdicts, and slots that are somewhere else by now.
package struct ScoreReply: Hashable, Sendable, WireValue {
    package let answer: ScoreAnswer

    package init(_ answer: ScoreAnswer) {
        self.answer = answer
    }

    package func encode(into writer: inout ByteWriter) throws(FormatError) {
        try answer.verdicts.encode(into: &writer)
        writer.writeVarint(answer.moved.count)
        for move in answer.moved {
            writer.write(move.slot.number)
            try move.owner.encode(into: &writer)
        }
    }

    package init(decoding reader: inout ByteReader) throws(FormatError) {
        let verdicts = try VerdictBatch(decoding: &reader)
        var moved: [SlotMove] = []
        for _ in 0..<(try reader.readCount(of: "moved slots", max: Slot.count)) {
            let slot = try Slot(decoding: &reader)
            moved.append(SlotMove(slot, to: try Owner(decoding: &reader)))
        }
        answer = ScoreAnswer(verdicts: verdicts, moved: moved)
    }
}

extension Slot: WireValue {
    package func encode(into writer: inout ByteWriter) throws(FormatError) { writer.write(number) }

    package init(decoding reader: inout ByteReader) throws(FormatError) {
        let number = try reader.readUInt16()
        guard number < Self.count else { throw .invalid(what: "slot") }
        self.init(number)
    }
}

extension Owner: WireValue {
    /// A node's name; `--name` takes less.
    static let nameUTF8CountMax = 255

    package func encode(into writer: inout ByteWriter) throws(FormatError) {
        writer.write(string: name)
        writer.write(incarnation)
    }

    package init(decoding reader: inout ByteReader) throws(FormatError) {
        let name = try reader.readString("node", utf8CountMax: Self.nameUTF8CountMax)
        self.init(name: name, incarnation: try reader.readUInt64())
    }
}
