import Ports
import Telemetry

/// One argument of a statement in PostgreSQL's binary format, with its type named, so that the server guesses nothing.
struct Parameter {
    /// Object ids of built-in types are the same on every server (`src/include/catalog/pg_type.dat`).
    enum Kind: UInt32 {
        case bool = 16
        case bytes = 17
        case int64 = 20
        case int16 = 21
        case int32 = 23
        case text = 25
        case double = 701
        case time = 1184
        case uuid = 2950

        var array: UInt32 {
            switch self {
            case .bool: 1000
            case .bytes: 1001
            case .int64: 1016
            case .int16: 1005
            case .int32: 1007
            case .text: 1009
            case .double: 1022
            case .time: 1185
            case .uuid: 2951
            }
        }
    }

    let type: UInt32
    /// Nil is NULL.
    let bytes: [UInt8]?

    private init(_ kind: Kind, _ bytes: [UInt8]?) {
        type = kind.rawValue
        self.bytes = bytes
    }

    static func int64(_ value: Int64) -> Parameter { Parameter(.int64, bigEndian(value)) }
    /// Bit for bit: what is beyond Int64 is negative in the table.
    static func bits(_ value: UInt64) -> Parameter { .int64(Int64(bitPattern: value)) }
    static func int32(_ value: Int32) -> Parameter { Parameter(.int32, bigEndian(value)) }
    static func time(_ value: Instant) -> Parameter { Parameter(.time, bigEndian(PostgresTime.wire(value))) }
    static func double(_ value: Double) -> Parameter { Parameter(.double, bigEndian(value.bitPattern)) }
    static func bytes(_ value: [UInt8]) -> Parameter { Parameter(.bytes, value) }
    static func text(_ value: String) -> Parameter { Parameter(.text, Array(SafeText.storable(value).utf8)) }
    static func text(orNull value: String?) -> Parameter { value.map(text) ?? Parameter(.text, nil) }
    static func time(orNull value: Instant?) -> Parameter { value.map(time) ?? Parameter(.time, nil) }
    static func double(orNull value: Double?) -> Parameter { value.map(double) ?? Parameter(.double, nil) }
    static func bits(orNull value: UInt64?) -> Parameter { value.map(bits) ?? Parameter(.int64, nil) }
    static func uuid(_ value: some RandomIdentity) -> Parameter {
        Parameter(.uuid, bigEndian(value.high) + bigEndian(value.low))
    }

    static func bigEndian(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.bigEndian) { Array($0) }
    }
}

extension Parameter {
    static func int64s(_ values: some Collection<Int64>) -> Parameter {
        Parameter(arrayOf: .int64, values.count, values) { $0.append(bigEndian: $1) }
    }
    static func int32s(_ values: some Collection<Int32>) -> Parameter {
        Parameter(arrayOf: .int32, values.count, values) { $0.append(bigEndian: $1) }
    }
    static func int16s(_ values: some Collection<Int16>) -> Parameter {
        Parameter(arrayOf: .int16, values.count, values) { $0.append(bigEndian: $1) }
    }
    static func bools(_ values: some Collection<Bool>) -> Parameter {
        Parameter(arrayOf: .bool, values.count, values) { $0.append($1 ? 1 : 0) }
    }
    static func doubles(_ values: some Collection<Double>) -> Parameter {
        Parameter(arrayOf: .double, values.count, values) { $0.append(bigEndian: $1.bitPattern) }
    }
    static func times(_ values: some Collection<Instant>) -> Parameter {
        Parameter(arrayOf: .time, values.count, values) { $0.append(bigEndian: PostgresTime.wire($1)) }
    }
    static func texts(_ values: some Collection<String>) -> Parameter {
        Parameter(arrayOf: .text, values.count, values) { $0.append(contentsOf: SafeText.storable($1).utf8) }
    }
    static func byteStrings(_ values: some Collection<[UInt8]>) -> Parameter {
        Parameter(arrayOf: .bytes, values.count, values) { $0.append(contentsOf: $1) }
    }

    /// One dimension, no nulls (`array_recv` in PostgreSQL's source).
    private init<Value>(
        arrayOf kind: Kind, _ count: Int, _ values: some Sequence<Value>, _ append: (inout [UInt8], Value) -> Void
    ) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(20 + count * 12)
        bytes.append(bigEndian: count == 0 ? 0 : 1 as Int32)
        bytes.append(bigEndian: 0 as Int32)
        bytes.append(bigEndian: kind.rawValue)
        if count > 0 {
            bytes.append(bigEndian: Int32(clamping: count))
            bytes.append(bigEndian: 1 as Int32)
        }
        for value in values {
            let start = bytes.count
            bytes.append(bigEndian: 0 as Int32)
            append(&bytes, value)
            let length = UInt32(clamping: bytes.count - start - 4)
            for place in 0..<4 { bytes[start + place] = UInt8(truncatingIfNeeded: length >> (24 - 8 * place)) }
        }
        type = kind.array
        self.bytes = bytes
    }
}

extension [UInt8] {
    fileprivate mutating func append(bigEndian value: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: value.bigEndian) { append(contentsOf: $0) }
    }
}

/// PostgreSQL's `text` holds every character but NUL.
enum SafeText {
    /// True if a name can be stored and indexed as it is. Names that were checked are.
    static func isStorable(_ name: String) -> Bool {
        name.utf8.count <= PostgresLimits.nameBytesMax && !name.utf8.contains(0)
    }

    /// For what only people read: NUL becomes the mark of a character that cannot be shown.
    static func storable(_ text: String) -> String {
        text.utf8.contains(0)
            ? text.split(separator: "\0", omittingEmptySubsequences: false).joined(separator: "\u{FFFD}") : text
    }
}
