import ClusterActors
package import DataPlane
package import HashRing
package import LogFormat

/// A new owner asks for slots.
package struct PullCall: Hashable, Sendable, WireValue {
    /// A slot, and the piece of its state to begin with.
    package struct Want: Hashable, Sendable {
        package let slot: Slot
        package let piece: Int

        package init(_ slot: Slot, from piece: Int = 0) {
            self.slot = slot
            self.piece = piece
        }
    }

    /// Who asks: the slots are given to nobody else.
    package let owner: Owner
    package let wants: [Want]

    /// Slots in one call: their states (a few hundred KiB) are there before anybody loses his patience.
    package static let slotsMax = 128
    static let piecesMax = 1 << 16

    package init(by owner: Owner, _ wants: [Want]) {
        self.owner = owner
        self.wants = wants
    }

    package func encode(into writer: inout ByteWriter) throws(FormatError) {
        try owner.encode(into: &writer)
        writer.writeVarint(wants.count)
        for want in wants {
            try want.slot.encode(into: &writer)
            writer.writeVarint(want.piece)
        }
    }

    package init(decoding reader: inout ByteReader) throws(FormatError) {
        owner = try Owner(decoding: &reader)
        var wants: [Want] = []
        for _ in 0..<(try reader.readCount(of: "slots", max: Self.slotsMax)) {
            let slot = try Slot(decoding: &reader)
            wants.append(Want(slot, from: try reader.readCount(of: "pieces", max: Self.piecesMax)))
        }
        self.wants = wants
    }
}

/// What the former owner gives.
package struct PullReply: Hashable, Sendable, WireValue {
    package struct Gift: Hashable, Sendable {
        package let slot: Slot
        /// The pieces that found room in this reply, from the one that was wanted on. Empty with `isWhole`: there is nothing.
        package let pieces: [SlotState]
        /// False: ask again for the rest.
        package let isWhole: Bool
        package let passedOn: Owner?

        package init(slot: Slot, pieces: [SlotState], isWhole: Bool, passedOn: Owner?) {
            self.slot = slot
            self.pieces = pieces
            self.isWhole = isWhole
            self.passedOn = passedOn
        }
    }

    package let gifts: [Gift]

    /// Bytes of states in one reply: with the largest piece on top it is still a message.
    static let bytesMax = 4 << 20

    package init(gifts: [Gift]) {
        self.gifts = gifts
    }

    package func encode(into writer: inout ByteWriter) throws(FormatError) {
        writer.writeVarint(gifts.count)
        for gift in gifts {
            try gift.slot.encode(into: &writer)
            writer.writeVarint(gift.pieces.count)
            for piece in gift.pieces { try piece.encode(into: &writer) }
            writer.write(gift.isWhole)
            try writer.write(optional: gift.passedOn) { (writer, owner) throws(FormatError) in
                try owner.encode(into: &writer)
            }
        }
    }

    package init(decoding reader: inout ByteReader) throws(FormatError) {
        var gifts: [Gift] = []
        for _ in 0..<(try reader.readCount(of: "gifts", max: PullCall.slotsMax)) {
            let slot = try Slot(decoding: &reader)
            var pieces: [SlotState] = []
            for _ in 0..<(try reader.readCount(of: "pieces", max: PullCall.piecesMax)) {
                pieces.append(try SlotState(decoding: &reader))
            }
            let isWhole = try reader.readFlag()
            let passedOn = try reader.readOptional { (reader) throws(FormatError) in try Owner(decoding: &reader) }
            gifts.append(Gift(slot: slot, pieces: pieces, isWhole: isWhole, passedOn: passedOn))
        }
        self.gifts = gifts
    }
}

/// A former owner tells the one that its ring names what it still has.
package struct OfferCall: Hashable, Sendable, WireValue {
    package let owner: Owner
    package let slots: SlotSet

    package init(by owner: Owner, _ slots: SlotSet) {
        self.owner = owner
        self.slots = slots
    }

    package func encode(into writer: inout ByteWriter) throws(FormatError) {
        try owner.encode(into: &writer)
        try slots.encode(into: &writer)
    }

    package init(decoding reader: inout ByteReader) throws(FormatError) {
        owner = try Owner(decoding: &reader)
        slots = try SlotSet(decoding: &reader)
    }
}
