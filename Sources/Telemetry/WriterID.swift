/// One life of the process that writes a log: drawn at random at every start, kept with the log and in its row.
///
/// It tells apart what position alone cannot: this process's own commit whose answer was lost, a former life's that is
/// still on its way, and another process that was started with a copy of the same folder.
package struct WriterID: Hashable, Sendable, CustomStringConvertible {
    package let number: UInt64

    /// Of rows that a program wrote which did not claim them yet.
    package static let unclaimed = WriterID(0)

    package init(_ number: UInt64) {
        self.number = number
    }

    package init(using random: inout some RandomNumberGenerator) {
        number = random.next()
    }

    package var description: String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
