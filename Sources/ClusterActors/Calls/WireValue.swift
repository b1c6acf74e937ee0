package import LogFormat

/// What may travel between nodes: it writes itself to bytes and reads itself from bytes of a stranger, never trapping.
package protocol WireValue: Sendable {
    func encode(into writer: inout ByteWriter) throws(FormatError)
    init(decoding reader: inout ByteReader) throws(FormatError)
}
