/// The step in which a device counts, as far as its values have shown: whole numbers, halves, tenths, …, or none.
///
/// A value that stood still for hours has no variance; its next step is then infinitely many deviations away, although
/// it is the smallest step the device can report. Each resolution is a multiple of the next, so one byte remembers it.
struct Resolution: Hashable, Sendable {
    private static let steps: [Double] = [1, 0.5, 0.1, 0.05, 0.01, 0.005, 0.001, 0.0005, 0.0001, 0]

    /// How many steps of the table are ruled out.
    private(set) var index: UInt8

    static let coarsest = Resolution(index: 0)

    private init(index: UInt8) {
        self.index = index
    }

    /// - Returns: nil beyond the table.
    init?(decoding index: UInt8) {
        guard index < Self.steps.count else { return nil }
        self.index = index
    }

    /// In the unit of the value; 0 if it has none.
    var step: Double { Self.steps[Int(index)] }

    /// Rules out every step that the value is no multiple of.
    mutating func refine(with value: Double) {
        while step > 0 {
            let multiple = value / step
            if abs(multiple - multiple.rounded()) < Self.tolerance { return }
            index += 1
        }
    }

    /// In steps. Far above the rounding of decimal values, and far below what a value without steps would pass often.
    private static let tolerance = 1e-3
}
