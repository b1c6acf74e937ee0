/// How far single readings of one series go from what is expected without that being news.
///
/// In its first readings a series shows what it is like: the largest residual of then is its reach. Later ones beyond it
/// are anomalies, and move it a little each, more where they come often: a rare fault is told each time, a habit is
/// learned.
struct SpikeReach: Hashable, Sendable {
    /// Readings that show what a series is like.
    static let learningCount = 380.0
    /// Residuals of that time count up to so many deviations: a gross anomaly among them must not hide the next.
    static let learnedMax = 16.0
    /// Beyond the reach by this part.
    static let margin = 1.1
    /// How much an anomaly moves it, for each one within about the last `memory` readings.
    static let gain = 0.004
    static let gainMax = 0.5
    static let memory = 100.0

    var reach = 0.0
    /// Anomalies of about the last `memory` readings.
    var burden = 0.0
    var count = 0.0

    /// The raw score of a residual: 1 at the line.
    ///
    /// - Parameters:
    ///   - residual: in deviations, not negative.
    ///   - line: where the alarm line of a series without habits is.
    func raw(_ residual: Double, line: Double) -> Double {
        residual / self.line(atLeast: line)
    }

    /// Where the alarm line of this series is, in deviations.
    func line(atLeast line: Double) -> Double {
        max(line, Self.margin * reach)
    }

    mutating func learn(_ residual: Double, line: Double) {
        burden -= burden / Self.memory
        guard count >= Self.learningCount else {
            count += 1
            reach = max(reach, min(residual, Self.learnedMax))
            return
        }
        guard raw(residual, line: line) > 1 else { return }
        burden += 1
        reach += min(Self.gainMax, Self.gain * burden) * (residual - reach)
    }
}

extension SpikeReach {
    static let encodedCount = 24

    func encoded() -> [UInt8] {
        var writer = StateWriter(reserving: Self.encodedCount)
        for value in [reach, burden, count] { writer.write(value) }
        return writer.bytes
    }

    /// - Returns: nil unless the bytes are three numbers that this type can hold.
    init?(decoding bytes: some Collection<UInt8>) {
        var reader = StateReader(bytes)
        reach = reader.readDouble(0...EWMAResidual.deviationsMax * 2)
        burden = reader.readDouble(0...Self.memory + 1)
        count = reader.readDouble(0...Self.learningCount)
        guard reader.isSound, reader.isAtEnd else { return nil }
    }
}
