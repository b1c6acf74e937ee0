import RealModule

/// Quantiles of the chi-squared distribution.
enum ChiSquared {
    /// Beyond what so large a share lies, by the cube root's normality (Wilson, Hilferty, "The distribution of
    /// chi-square", 1931): at a share of 1e-4, 7 % too far of one degree of freedom, 5 % of two, 1.5 % of eight; nearer for
    /// larger shares.
    ///
    /// - Parameters:
    ///   - share: above 0, below 1.
    ///   - degrees: of freedom, above 0, whole or not.
    static func quantile(beyond share: Double, degrees: Double) -> Double {
        let part = 2 / (9 * degrees)
        let root = max(0, 1 - part + normalQuantile(beyond: share) * part.squareRoot())
        return degrees * root * root * root
    }

    /// The same of the normal distribution, by halving: nothing here is called often.
    static func normalQuantile(beyond share: Double) -> Double {
        var (low, high) = (-quantileMax, quantileMax)
        for _ in 0..<halvings {
            let middle = (low + high) / 2
            if .erfc(middle / 2.0.squareRoot()) / 2 > share { low = middle } else { high = middle }
        }
        return (low + high) / 2
    }

    private static let quantileMax = 38.0
    private static let halvings = 64
}
