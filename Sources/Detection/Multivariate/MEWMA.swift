/// The exponentially weighted mean of rows, and how far it is from where rows lie: MEWMA (Lowry, Woodall, Champ,
/// Rigdon, "A multivariate exponentially weighted moving average control chart", Technometrics 34, 1992).
///
/// z ← z + λ (x − z), T² = zᵀ Σ⁻¹ z, where Σ is the exact covariance of z after t rows, λ (1 − (1 − λ)²ᵗ) / (2 − λ)
/// times that of the rows: the chart is as sharp in its first rows as later. It finds small shifts that last, which no
/// single row shows. Rows that are like their neighbours are allowed for (`persistence`): the mean of an AR(1) channel
/// varies more by (1 + φ (1 − λ)) / (1 − φ (1 − λ)) (Lu, Reynolds, "EWMA control charts for monitoring the mean of
/// autocorrelated processes", 1999).
///
/// O(d²) a row.
package struct MEWMA: Hashable, Sendable {
    /// λ: 0.025 averages about 2/λ − 1 = 79 rows.
    package let gain: Double
    /// Of rows, neighbours allowed for.
    let covariance: SymmetricMatrix
    /// Variance of the level itself, by channel: what was found to be no fault (`accept`).
    var wander: [Double]
    /// Of the mean after many rows.
    private(set) var precision: SymmetricMatrix
    var mean: [Double]
    /// (1 − λ)²ᵗ.
    var youth = 1.0

    /// - Parameters:
    ///   - covariance: of rows, d × d, positive definite.
    ///   - persistence: correlation of each channel with itself one row before, within ±1 exclusive; d.
    ///   - wander: as in a chart that was kept; d numbers, not negative.
    /// - Returns: nil if the covariance is not positive definite.
    package init?(covariance: SymmetricMatrix, persistence: [Double], gain: Double, wander: [Double]? = nil) {
        precondition(gain > 0 && gain <= 1 && persistence.count == covariance.count, "gain \(gain)")
        self.gain = gain
        let factors = persistence.map { one in ((1 + one * (1 - gain)) / (1 - one * (1 - gain))).squareRoot() }
        self.covariance = covariance.scaled(by: factors)
        self.wander = wander ?? .init(repeating: 0, count: covariance.count)
        mean = .init(repeating: 0, count: covariance.count)
        guard let precision = Self.precision(self.covariance, gain, self.wander) else { return nil }
        self.precision = precision
    }

    private static func precision(
        _ covariance: SymmetricMatrix, _ gain: Double, _ wander: [Double]
    ) -> SymmetricMatrix? {
        var ofMean = covariance.scaled(by: .init(repeating: (gain / (2 - gain)).squareRoot(), count: covariance.count))
        for index in wander.indices { ofMean[index, index] += wander[index] }
        return ofMean.inverse()
    }

    /// T² of the mean with this row in it; d numbers, finite, 0 where the row has none.
    package mutating func take(_ row: [Double]) -> Double {
        for index in mean.indices { mean[index] += gain * (row[index] - mean[index]) }
        youth *= (1 - gain) * (1 - gain)
        return distance
    }

    /// T² as it stands, not negative; of Gaussian rows it is chi-squared with d degrees of freedom.
    package var distance: Double {
        youth < 1 ? max(0, precision.quadratic(mean)) / (1 - youth) : 0
    }

    /// What each channel adds to T² (negative where one channel explains another).
    var contributions: [Double] {
        zip(mean, precision.product(mean)).map { $0 * $1 }
    }

    /// What happened before a gap of so many rows says less.
    mutating func fade(missed rows: Double) {
        for index in mean.indices { mean[index] /= 1 + gain * rows }
    }

    /// Takes the mean as no fault: levels of this device move as far as that.
    ///
    /// - Returns: by how much the level moved, by channel; the mean is 0 again.
    mutating func accept() -> [Double] {
        let moved = mean
        let wider = zip(wander, moved).map { min($0 + $1 * $1, Self.wanderMax) }
        if let precision = Self.precision(covariance, gain, wider) {
            self.precision = precision
            wander = wider
        }
        mean = .init(repeating: 0, count: moved.count)
        return moved
    }

    static let wanderMax = 1e6
}
