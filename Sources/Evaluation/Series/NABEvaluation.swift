import Detection

/// The Numenta Anomaly Benchmark's protocol with the detector of one metric as it is shipped.
package enum NABEvaluation {
    /// The standard score, at the threshold that is best for all series together, as the benchmark has it.
    package static func standard(_ series: [LabelledSeries]) throws(EvaluationError) -> NABScore {
        try NABScore(series, scores: series.map(scores(of:)))
    }

    /// What a series' readings score, 0 to 1, 0.5 at the alarm line; one a reading. The one place that names the
    /// detector.
    package static func scores(of series: LabelledSeries) -> [Double] {
        StreamReplay(series, seed: seed).scores
    }

    private static let seed: UInt64 = 1
}
