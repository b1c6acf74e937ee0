/// The names that devices choose. Both are compared, hashed and sorted as bytes: Swift's own `String` order is by
/// canonical equivalence, under which two different names of two devices could be one.
package protocol ByteName: Hashable, Comparable, Sendable, CustomStringConvertible {
    static var utf8CountMax: Int { get }
    var text: String { get }
    init(unchecked text: String)
}

extension ByteName {
    /// - Returns: nil unless 1 to `utf8CountMax` bytes of UTF-8 without control characters (C0, DEL, C1).
    package init?(_ text: String) {
        let count = text.utf8.count
        guard count >= 1, count <= Self.utf8CountMax else { return nil }
        for scalar in text.unicodeScalars where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) {
            return nil
        }
        self.init(unchecked: text)
    }

    package static func == (lhs: Self, rhs: Self) -> Bool { ByteOrder.areEqual(lhs.text, rhs.text) }

    package func hash(into hasher: inout Hasher) {
        let done: Void? = text.utf8.withContiguousStorageIfAvailable {
            hasher.combine(bytes: UnsafeRawBufferPointer($0))
        }
        if done == nil { for byte in text.utf8 { hasher.combine(byte) } }
        hasher.combine(0xFF as UInt8)  // ends the name, so that ("ab", "c") and ("a", "bc") differ
    }

    package static func < (lhs: Self, rhs: Self) -> Bool { ByteOrder.precedes(lhs.text, rhs.text) }

    package var description: String { text }
}

/// Who sent a reading.
package struct DeviceID: ByteName {
    package static let utf8CountMax = 128
    package let text: String

    /// For names that were checked before they were written (log, store).
    package init(unchecked text: String) {
        self.text = text
    }
}

/// What was measured: `temperature`, `humidity`; the `type` of a reading outside.
package struct Metric: ByteName {
    package static let utf8CountMax = 64
    package let text: String

    /// For names that were checked before they were written (log, store).
    package init(unchecked text: String) {
        self.text = text
    }
}

/// One metric of one device: the unit of scoring state, of order, and of history.
package struct Series: Hashable, Comparable, Sendable {
    package let device: DeviceID
    package let metric: Metric

    package init(device: DeviceID, metric: Metric) {
        self.device = device
        self.metric = metric
    }

    package static func < (lhs: Series, rhs: Series) -> Bool {
        if lhs.device == rhs.device { return lhs.metric < rhs.metric }
        return lhs.device < rhs.device
    }
}
