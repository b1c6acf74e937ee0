import Telemetry
import Testing

@testable import Detection

@Suite struct SymmetricMatrixTests {
    /// A Aᵀ of a random A, with something on the diagonal.
    static func positive(count: Int, seed: UInt64) -> SymmetricMatrix {
        var generator = SeededGenerator(seed: seed)
        let rows = (0..<count).map { _ in (0..<count).map { _ in SeriesKind.gaussian(&generator) } }
        var matrix = SymmetricMatrix(diagonal: .init(repeating: 0.1, count: count))
        for row in 0..<count {
            for column in 0...row { matrix[row, column] += zip(rows[row], rows[column]).reduce(0) { $0 + $1.0 * $1.1 } }
        }
        return matrix
    }

    @Test(arguments: [1, 2, 3, 8, 16], [1, 2, 3] as [UInt64]) func theInverseUndoesTheMatrix(count: Int, seed: UInt64)
        throws
    {
        let matrix = Self.positive(count: count, seed: seed)
        let inverse = try #require(matrix.inverse())
        for column in 0..<count {
            let unit = (0..<count).map { $0 == column ? 1.0 : 0 }
            let back = inverse.product(matrix.product(unit))
            for row in 0..<count { #expect(abs(back[row] - unit[row]) < 1e-7) }
        }
    }

    @Test(arguments: [1, 2, 3, 8, 16], [1, 2, 3] as [UInt64]) func eigenvectorsAreStretchedAndNothingElse(
        count: Int, seed: UInt64
    ) {
        let matrix = Self.positive(count: count, seed: seed)
        let (values, vectors) = matrix.eigen()
        #expect(values == values.sorted(by: >))
        for (value, vector) in zip(values, vectors) {
            let image = matrix.product(vector)
            for row in 0..<count { #expect(abs(image[row] - value * vector[row]) < 1e-9 * values[0]) }
            #expect(abs(vector.reduce(0) { $0 + $1 * $1 } - 1) < 1e-12)
            #expect(abs(matrix.quadratic(vector) - value) < 1e-9 * values[0])
        }
    }

    @Test func whatIsNotPositiveHasNoInverse() {
        #expect(SymmetricMatrix(count: 2, lower: [1, 1, 1]).inverse() == nil)
        #expect(SymmetricMatrix(count: 2, lower: [1, 2, 1]).inverse() == nil)
        #expect(SymmetricMatrix(count: 2, lower: [1, .nan, 1]).inverse() == nil)
        #expect(SymmetricMatrix(diagonal: [0]).inverse() == nil)
        #expect(SymmetricMatrix(diagonal: []).inverse() != nil)
        #expect(SymmetricMatrix(diagonal: []).eigen().values.isEmpty)
    }

    @Test(arguments: [
        (0.05, 3, 7.815), (1e-4, 2, 18.421), (1e-4, 3, 21.108), (1e-4, 8, 31.828), (1e-4, 16, 45.925), (1e-6, 8, 42.70),
        (0.1, 8, 13.362),
    ]) func quantilesAreThoseOfTables(share: Double, degrees: Double, quantile: Double) {
        #expect((-0.01..<0.05).contains(ChiSquared.quantile(beyond: share, degrees: degrees) / quantile - 1))
    }

    @Test func halvesOfTheNormalDistribution() {
        #expect(abs(ChiSquared.normalQuantile(beyond: 0.5)) < 1e-12)
        #expect(abs(ChiSquared.normalQuantile(beyond: 1e-4) - 3.719016) < 1e-5)
        #expect(abs(ChiSquared.normalQuantile(beyond: 0.975) + 1.959964) < 1e-5)
    }
}
