import RealModule

/// Quantiles of the chi-squared distribution.
enum ChiSquared {
    /// Beyond what so large a share lies, by the cube root's normality (Wilson, Hilferty, "The distribution of
    /// chi-square", 1931): within 1 % for shares from 1e-6 to 0.1 from two degrees of freedom on.
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
