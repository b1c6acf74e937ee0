/// A small dense symmetric matrix: the lower triangle, row by row. For dimensions up to `countMax`, where nothing
/// cleverer is faster.
package struct SymmetricMatrix: Hashable, Sendable {
    /// Rows of the largest one: metrics of one device that are judged together.
    package static let countMax = 16

    /// Rows, and columns.
    package let count: Int
    /// `count` × (`count` + 1) / 2 numbers.
    package private(set) var lower: [Double]

    /// - Precondition: `count` is 0 to `countMax`, `lower` a whole triangle.
    package init(count: Int, lower: [Double]) {
        precondition((0...Self.countMax).contains(count) && lower.count == Self.lowerCount(count), "\(lower.count)")
        self.count = count
        self.lower = lower
    }

    /// With these numbers on the diagonal and 0 elsewhere.
    package init(diagonal: [Double]) {
        self.init(count: diagonal.count, lower: .init(repeating: 0, count: Self.lowerCount(diagonal.count)))
        for index in diagonal.indices { self[index, index] = diagonal[index] }
    }

    static func lowerCount(_ count: Int) -> Int { count * (count + 1) / 2 }

    private static func place(_ row: Int, _ column: Int) -> Int {
        row >= column ? row * (row + 1) / 2 + column : column * (column + 1) / 2 + row
    }

    package subscript(row: Int, column: Int) -> Double {
        get { lower[Self.place(row, column)] }
        set { lower[Self.place(row, column)] = newValue }
    }

    /// The rows and columns named, in that order.
    func part(_ chosen: [Int]) -> SymmetricMatrix {
        var part = SymmetricMatrix(diagonal: .init(repeating: 0, count: chosen.count))
        for row in chosen.indices {
            for column in 0...row { part[row, column] = self[chosen[row], chosen[column]] }
        }
        return part
    }

    /// D M D for a diagonal D.
    func scaled(by factors: [Double]) -> SymmetricMatrix {
        var scaled = self
        for row in 0..<count {
            for column in 0...row { scaled[row, column] *= factors[row] * factors[column] }
        }
        return scaled
    }

    /// M x.
    package func product(_ vector: [Double]) -> [Double] {
        (0..<count).map { row in
            var sum = 0.0
            for column in 0..<count { sum += self[row, column] * vector[column] }
            return sum
        }
    }

    /// xᵀ M x.
    package func quadratic(_ vector: [Double]) -> Double {
        var sum = 0.0
        var place = 0
        for row in 0..<count {
            var inner = 0.0
            for column in 0..<row {
                inner += lower[place] * vector[column]
                place += 1
            }
            sum += vector[row] * (2 * inner + lower[place] * vector[row])
            place += 1
        }
        return sum
    }

    /// By Cholesky's decomposition.
    ///
    /// - Returns: nil unless the matrix is positive definite beyond rounding.
    package func inverse() -> SymmetricMatrix? {
        var factor = self
        for row in 0..<count {
            for column in 0...row {
                var sum = self[row, column]
                for inner in 0..<column { sum -= factor[row, inner] * factor[column, inner] }
                if column < row {
                    factor[row, column] = sum / factor[column, column]
                } else {
                    guard sum > Self.pivotMin * self[row, row], sum.isFinite else { return nil }
                    factor[row, row] = sum.squareRoot()
                }
            }
        }
        return Self.inverse(ofFactor: factor)
    }

    /// (L Lᵀ)⁻¹ = L⁻ᵀ L⁻¹, L⁻¹ by forward substitution.
    private static func inverse(ofFactor factor: SymmetricMatrix) -> SymmetricMatrix {
        let count = factor.count
        var unfactor = factor
        for column in 0..<count {
            unfactor[column, column] = 1 / factor[column, column]
            for row in (column + 1)..<max(count, column + 1) {
                var sum = 0.0
                for inner in column..<row { sum -= factor[row, inner] * unfactor[inner, column] }
                unfactor[row, column] = sum / factor[row, row]
            }
        }
        var inverse = factor
        for row in 0..<count {
            for column in 0...row {
                var sum = 0.0
                for inner in row..<count { sum += unfactor[inner, row] * unfactor[inner, column] }
                inverse[row, column] = sum
            }
        }
        return inverse
    }

    /// A pivot below this part of its diagonal is rounding.
    private static let pivotMin = 1e-12
}

extension SymmetricMatrix {
    /// Eigenvalues, largest first, and their unit eigenvectors, by Jacobi's rotations (Jacobi 1846; Golub, Van Loan,
    /// "Matrix Computations", 8.5).
    ///
    /// - Precondition: finite.
    package func eigen() -> (values: [Double], vectors: [[Double]]) {
        var matrix = self
        var vectors = (0..<count).map { row in (0..<count).map { $0 == row ? 1.0 : 0 } }
        for _ in 0..<Self.sweepsMax {
            var off = 0.0
            for row in 0..<count {
                for column in 0..<row { off += matrix[row, column] * matrix[row, column] }
            }
            guard off > Self.offMin else { break }
            for row in 1..<max(1, count) {
                for column in 0..<row { matrix.rotate(row, column, &vectors) }
            }
        }
        // Ties keep their order: the same matrix gives the same vectors on every node.
        let order = (0..<count).sorted { (matrix[$0, $0], $1) > (matrix[$1, $1], $0) }
        return (order.map { matrix[$0, $0] }, order.map { vectors[$0] })
    }

    private static let sweepsMax = 32
    private static let offMin = 1e-24

    /// Makes one number off the diagonal 0; `vectors` are rows.
    private mutating func rotate(_ row: Int, _ column: Int, _ vectors: inout [[Double]]) {
        let off = self[row, column]
        guard abs(off) > 0 else { return }
        let slope = (self[row, row] - self[column, column]) / (2 * off)
        let tangent = (slope < 0 ? -1 : 1) / (abs(slope) + (slope * slope + 1).squareRoot())
        let cosine = 1 / (tangent * tangent + 1).squareRoot()
        let sine = tangent * cosine
        self[row, row] += tangent * off
        self[column, column] -= tangent * off
        self[row, column] = 0
        for other in 0..<count {
            let (first, second) = (vectors[row][other], vectors[column][other])
            vectors[row][other] = cosine * first + sine * second
            vectors[column][other] = cosine * second - sine * first
            guard other != row, other != column else { continue }
            let (a, b) = (self[other, row], self[other, column])
            self[other, row] = cosine * a + sine * b
            self[other, column] = cosine * b - sine * a
        }
    }
}
