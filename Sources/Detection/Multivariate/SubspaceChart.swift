/// Hotelling's T² within the directions in which a device's metrics move together, and the squared prediction error Q
/// beside them (Jackson, Mudholkar, "Control procedures for residuals associated with principal component analysis",
/// Technometrics 21, 1979).
///
/// T² says "further than usual, in the usual way", Q says "the metrics do not go together as they used to". Both are
/// means of squares over about six rows, exponentially weighted (MacGregor, Harris, "The exponentially weighted moving
/// variance", 1993): a broken relation lasts longer than one bad reading, which the series' own watch sees.
///
/// O(d²) a row.
package struct SubspaceChart: Hashable, Sendable {
    /// Gain of both means.
    static let gain = 0.3
    /// Share of the variance that the kept directions explain.
    static let keptPart = 0.8

    /// Unit vectors, one after another, one a kept direction, and the variances along them.
    let kept: [Double]
    let variances: [Double]
    /// Variances along the directions that are left.
    let rest: [Double]
    /// Mean T² and Q of the last rows, and the squares of each channel that they are made of.
    var tSquared: Double
    var q: Double
    var restlessness: [Double]
    var strangeness: [Double]

    /// - Parameter covariance: of rows, d × d, d at least 1, positive definite.
    package init(covariance: SymmetricMatrix) {
        let (values, vectors) = covariance.eigen()
        let total = values.reduce(0, +)
        var (count, sum) = (0, 0.0)
        while count < max(1, values.count - 1), sum < Self.keptPart * total {
            sum += values[count]
            count += 1
        }
        kept = vectors.prefix(count).flatMap { $0 }
        variances = Array(values.prefix(count))
        rest = Array(values.dropFirst(count))
        tSquared = Double(count)
        q = rest.reduce(0, +)
        restlessness = (0..<covariance.count).map { covariance[$0, $0] }
        strangeness = .init(repeating: 0, count: covariance.count)
    }

    /// Takes a row in: d numbers, finite, 0 where the row has none.
    package mutating func take(_ row: [Double]) {
        let count = row.count
        var residual = row
        var distance = 0.0
        for (place, variance) in variances.enumerated() {
            var along = 0.0
            for index in 0..<count { along += kept[place * count + index] * row[index] }
            for index in 0..<count { residual[index] -= along * kept[place * count + index] }
            distance += along * along / variance
        }
        var error = 0.0
        for index in row.indices {
            let square = residual[index] * residual[index]
            error += square
            strangeness[index] += Self.gain * (square - strangeness[index])
            restlessness[index] += Self.gain * (row[index] * row[index] - restlessness[index])
        }
        tSquared += Self.gain * (distance - tSquared)
        q += Self.gain * (error - q)
    }

    /// Where clean Gaussian rows are beyond one in 1/`budget`: of T², and of Q (infinite if no direction is left).
    ///
    /// A weighted sum of chi-squared numbers is like one of them, scaled to the same mean and variance (Box, "Some
    /// theorems on quadratic forms", 1954); smoothing takes gain/(2 − gain) of the variance.
    func lines(budget: Double) -> (tSquared: Double, q: Double) {
        let smoothing = Self.gain / (2 - Self.gain)
        func line(_ mean: Double, _ variance: Double) -> Double {
            let degrees = 2 * mean * mean / variance
            return ChiSquared.quantile(beyond: budget, degrees: degrees) * mean / degrees
        }
        let mean = rest.reduce(0, +)
        return (
            line(Double(variances.count), smoothing * Double(2 * variances.count)),
            mean > 0 ? line(mean, smoothing * rest.reduce(0) { $0 + 2 * $1 * $1 }) : .infinity
        )
    }
}
