import CLibPQ
import Ports
import Telemetry

/// The answer to one statement, in binary format. Columns are read as the types that the statement selects.
final class Rows {
    let result: OpaquePointer

    init(_ result: OpaquePointer) {
        self.result = result
    }

    deinit {
        PQclear(result)
    }

    var count: Int { Int(PQntuples(result)) }
    var indices: Range<Int> { 0..<count }
    var status: ExecStatusType { PQresultStatus(result) }

    /// Rows that the statement added, changed, removed or copied.
    var affected: Int { Int(String(cString: PQcmdTuples(result))) ?? 0 }
    var command: String { String(cString: PQcmdStatus(result)) }

    func isNull(_ row: Int, _ column: Int32) -> Bool { PQgetisnull(result, Int32(row), column) != 0 }

    func int64(_ row: Int, _ column: Int32) -> Int64 { integer(row, column) }
    func int32(_ row: Int, _ column: Int32) -> Int32 { integer(row, column) }
    func int16(_ row: Int, _ column: Int32) -> Int16 { integer(row, column) }
    func bits(_ row: Int, _ column: Int32) -> UInt64 { integer(row, column) }
    func bool(_ row: Int, _ column: Int32) -> Bool { (integer(row, column) as UInt8) != 0 }
    func double(_ row: Int, _ column: Int32) -> Double { Double(bitPattern: integer(row, column)) }
    func time(_ row: Int, _ column: Int32) -> Instant { PostgresTime.instant(integer(row, column)) }
    func timeIfAny(_ row: Int, _ column: Int32) -> Instant? { isNull(row, column) ? nil : time(row, column) }
    func textIfAny(_ row: Int, _ column: Int32) -> String? { isNull(row, column) ? nil : text(row, column) }
    func bytes(_ row: Int, _ column: Int32) -> [UInt8] { Array(field(row, column)) }
    func text(_ row: Int, _ column: Int32) -> String { String(decoding: field(row, column), as: UTF8.self) }

    func uuid<Identity: RandomIdentity>(_ row: Int, _ column: Int32) -> Identity {
        let field = field(row, column)
        return Identity(high: Self.bigEndian(field.prefix(8)), low: Self.bigEndian(field.dropFirst(8)))
    }

    /// A result that this program does not know is one that it cannot vouch for.
    func result(_ row: Int, _ column: Int32) -> ScoreResult {
        UInt8(exactly: int16(row, column)).flatMap(ScoreResult.init(rawValue:)) ?? .unscored
    }

    func model(_ row: Int, _ name: Int32, _ version: Int32) -> ModelID {
        isNull(row, name)
            ? .none : ModelID(name: text(row, name), version: UInt32(clamping: int64(row, version)))
    }

    private func field(_ row: Int, _ column: Int32) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(
            start: PQgetvalue(result, Int32(row), column), count: Int(PQgetlength(result, Int32(row), column)))
    }

    private func integer<Value: FixedWidthInteger>(_ row: Int, _ column: Int32) -> Value {
        Self.bigEndian(field(row, column)[...])
    }

    /// A column of another width than the statement promises is a defect of ours, and reads as what is there of it.
    private static func bigEndian<Value: FixedWidthInteger>(_ bytes: Slice<UnsafeRawBufferPointer>) -> Value {
        var value: Value = 0
        for byte in bytes { value = Value(truncatingIfNeeded: UInt64(truncatingIfNeeded: value) << 8 | UInt64(byte)) }
        return value
    }
}
