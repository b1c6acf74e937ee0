import Detection

/// Scores the rows of an exported forest and compares with the answers that came with it.
package enum ForestVerification {
    /// - Parameter bytes: an `isolation-forest-trees/1` document.
    /// - Returns: the number of rows, the largest difference of a score or a decision from its golden answer, and how
    ///   many labels differ.
    package static func run(
        _ bytes: [UInt8]
    ) throws(ModelFormatError) -> (rows: Int, maxAbsError: Double, labelMismatches: Int) {
        run(try ForestDocument(decoding: bytes))
    }

    static func run(_ document: ForestDocument) -> (rows: Int, maxAbsError: Double, labelMismatches: Int) {
        let forest = document.forest
        let scores = forest.scores(rows: document.rows)
        var maxAbsError = 0.0
        var labelMismatches = 0
        for (index, score) in scores.enumerated() {
            let decision = forest.decision(score: score)
            maxAbsError = max(
                maxAbsError, abs(score - document.scoreSamples[index]),
                abs(decision - document.decisionFunction[index]))
            if forest.isOutlier(score: score) != (document.predict[index] == -1) { labelMismatches += 1 }
        }
        return (scores.count, maxAbsError, labelMismatches)
    }
}
