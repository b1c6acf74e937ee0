/// Texts compared by their UTF-8 bytes, eight at a time: sorting the names of a fleet is most of the work of listing it.
enum ByteOrder {
    static func precedes(_ one: String, _ other: String) -> Bool {
        withBytes(of: one, other) { one, other in
            guard let place = firstDifference(one, other) else { return one.count < other.count }
            return one[place] < other[place]
        } ?? one.utf8.lexicographicallyPrecedes(other.utf8)
    }

    static func areEqual(_ one: String, _ other: String) -> Bool {
        guard one.utf8.count == other.utf8.count else { return false }
        return withBytes(of: one, other) { firstDifference($0, $1) == nil } ?? one.utf8.elementsEqual(other.utf8)
    }

    /// - Returns: nil if one of them is not stored as UTF-8 in one piece.
    private static func withBytes(
        of one: String, _ other: String, _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Bool
    ) -> Bool? {
        one.utf8.withContiguousStorageIfAvailable { one in
            other.utf8.withContiguousStorageIfAvailable { other in
                body(UnsafeRawBufferPointer(one), UnsafeRawBufferPointer(other))
            }
        }.flatMap(\.self)
    }

    /// - Returns: nil if the shorter is the beginning of the longer.
    private static func firstDifference(_ one: UnsafeRawBufferPointer, _ other: UnsafeRawBufferPointer) -> Int? {
        let count = min(one.count, other.count)
        var place = 0
        while place + 8 <= count {
            let difference =
                one.loadUnaligned(fromByteOffset: place, as: UInt64.self).littleEndian
                ^ other.loadUnaligned(fromByteOffset: place, as: UInt64.self).littleEndian
            if difference != 0 { return place + difference.trailingZeroBitCount / 8 }
            place += 8
        }
        while place < count {
            if one[place] != other[place] { return place }
            place += 1
        }
        return nil
    }
}
