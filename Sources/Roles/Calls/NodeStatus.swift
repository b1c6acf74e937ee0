import ClusterActors
package import LogFormat
package import Ports
package import Telemetry

/// What a node tells its peers of itself when they ask.
package struct NodeStatus: Hashable, Sendable, WireValue {
    package let log: LogID
    package let ledger: Ledger
    package let devices: Int
    /// How long its oldest reading that is not stored yet has been waiting, in microseconds.
    package let backlog: Int64
    /// It refused devices lately.
    package let refuses: Bool
    /// Of its election, while it leads the pruner.
    package let token: FencingToken?

    package init(log: LogID, ledger: Ledger, devices: Int, backlog: Int64, refuses: Bool, token: FencingToken?) {
        self.log = log
        self.ledger = ledger
        self.devices = devices
        self.backlog = backlog
        self.refuses = refuses
        self.token = token
    }

    package func encode(into writer: inout ByteWriter) throws(FormatError) {
        writer.write(log.high)
        writer.write(log.low)
        for count in [
            ledger.accepted, ledger.stored, ledger.pending, ledger.duplicates, ledger.discarded, ledger.damaged,
            ledger.rejected,
        ] { writer.writeVarint(count) }
        writer.writeVarint(devices)
        writer.write(backlog)
        writer.write(refuses)
        try writer.write(optional: token) { (writer, token) throws(FormatError) in writer.write(token.number) }
    }

    package init(decoding reader: inout ByteReader) throws(FormatError) {
        log = LogID(high: try reader.readUInt64(), low: try reader.readUInt64())
        var ledger = Ledger()
        ledger.accepted = try reader.readVarint()
        ledger.stored = try reader.readVarint()
        ledger.pending = try reader.readVarint()
        ledger.duplicates = try reader.readVarint()
        ledger.discarded = try reader.readVarint()
        ledger.damaged = try reader.readVarint()
        ledger.rejected = try reader.readVarint()
        self.ledger = ledger
        devices = Int(clamping: try reader.readVarint())
        backlog = max(0, try reader.readInt64())
        refuses = try reader.readFlag()
        token = try reader.readOptional { (reader) throws(FormatError) in FencingToken(try reader.readUInt64()) }
    }
}

/// Yes or no.
package struct Flag: Hashable, Sendable, WireValue {
    package let isTrue: Bool

    package init(_ isTrue: Bool) {
        self.isTrue = isTrue
    }

    package func encode(into writer: inout ByteWriter) throws(FormatError) { writer.write(isTrue) }

    package init(decoding reader: inout ByteReader) throws(FormatError) { isTrue = try reader.readFlag() }
}
