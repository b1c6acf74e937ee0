package import Telemetry

/// All that the owner of a slot knows of it, on its way to the next owner: its next reading is judged there as if it had
/// never moved.
package struct SlotState: Hashable, Sendable {
    package internal(set) var series: [Series: SeriesState]
    /// By origin, in the order of positions: the last verdicts given to it, so that a retry gets them again.
    package internal(set) var replies: [LogID: [SlotCore.Given]]
    package internal(set) var tombstones: [DeviceID: Instant]
    /// It was opened without the store's rows, and goes on asking for them.
    package internal(set) var awaitsRows: Bool

    package init(
        series: [Series: SeriesState] = [:], replies: [LogID: [SlotCore.Given]] = [:],
        tombstones: [DeviceID: Instant] = [:], awaitsRows: Bool = false
    ) {
        self.series = series
        self.replies = replies
        self.tombstones = tombstones
        self.awaitsRows = awaitsRows
    }

    // MARK: Pieces

    /// Bytes of one piece: a message between nodes is not longer than some of them. A slot of a fleet has a hundred series,
    /// or 150 KiB; one that a strange fleet fills with all its devices takes as many pieces as it needs.
    package static let pieceBytesMax = 1 << 20

    /// The state in pieces that each fit `bytesMax` when encoded, always cut in the same way; one at least. A single
    /// series or reply is never cut.
    package func pieces(bytesMax: Int = pieceBytesMax) -> [SlotState] {
        var cutter = Cutter(bytesMax: bytesMax, piece: SlotState(awaitsRows: awaitsRows))
        for (device, time) in tombstones.sorted(by: { $0.key < $1.key }) {
            cutter.add(Self.bytes(of: device)) { $0.tombstones[device] = time }
        }
        for (name, state) in series.sorted(by: { $0.key < $1.key }) {
            cutter.add(Self.bytes(of: name, judgedBy: state.verdict) + Self.bytes(of: state)) {
                $0.series[name] = state
            }
        }
        for (origin, given) in replies.sorted(by: { $0.key < $1.key }) {
            for one in given {
                cutter.add(Self.originBytes + Self.bytes(of: one.reading.series, judgedBy: one.verdict)) {
                    $0.replies[origin, default: []].append(one)
                }
            }
        }
        return cutter.pieces + [cutter.piece]
    }

    /// The whole from its pieces, in their order.
    package init(joining pieces: some Sequence<SlotState>) {
        self.init()
        for piece in pieces {
            series.merge(piece.series) { first, _ in first }
            tombstones.merge(piece.tombstones) { max($0, $1) }
            replies.merge(piece.replies) { $0 + $1 }
            awaitsRows = awaitsRows || piece.awaitsRows
        }
    }

    private struct Cutter {
        let bytesMax: Int
        var piece: SlotState
        var pieces: [SlotState] = []
        var bytesCount = SlotState.headerBytesMax

        mutating func add(_ bytes: Int, _ change: (inout SlotState) -> Void) {
            if bytesCount + bytes > bytesMax, bytesCount > SlotState.headerBytesMax {
                pieces.append(piece)
                piece = SlotState(awaitsRows: piece.awaitsRows)
                bytesCount = SlotState.headerBytesMax
            }
            change(&piece)
            bytesCount += bytes
        }
    }
}
