/// What the scoring owner said of a reading. Raw values are in the log and the store: never renumber.
package enum ScoreResult: UInt8, Sendable, CaseIterable {
    case normal = 0
    case anomaly = 1
    /// No model of this metric yet.
    case learning = 2
    /// No owner could be reached in time; stored all the same.
    case unscored = 3

    package var name: String {
        switch self {
        case .normal: "normal"
        case .anomaly: "anomaly"
        case .learning: "learning"
        case .unscored: "unscored"
        }
    }

    package init?(name: String) {
        guard let result = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = result
    }
}

/// One version of one model, `name@version`; never reused for other parameters.
package struct ModelID: Hashable, Sendable, CustomStringConvertible {
    package let name: String
    package let version: UInt32

    package init(name: String, version: UInt32) {
        self.name = name
        self.version = version
    }

    /// Of a reading that no model scored.
    package static let none = ModelID(name: "none", version: 0)

    package var description: String { self == .none ? "none" : "\(name)@\(version)" }
}

/// The verdict on one reading.
package struct Verdict: Hashable, Sendable {
    package let result: ScoreResult
    /// 0 to 1, higher is more anomalous, 0.5 at the alarm line; 0 for `learning` and `unscored`.
    package let score: Double
    package let model: ModelID
    /// The reading was not later than its series' last one: scored, but the state did not move.
    package let isLate: Bool
    /// Why it is an anomaly, for people; nil of anything else, and where nothing is known.
    package let reason: String?

    /// - Parameter reason: cut to `reasonUTF8CountMax` bytes.
    package init(result: ScoreResult, score: Double, model: ModelID, isLate: Bool, reason: String? = nil) {
        self.result = result
        self.score = score
        self.model = model
        self.isLate = isLate
        self.reason = reason.map(Self.bounded)
    }

    /// A sentence of a line.
    package static let reasonUTF8CountMax = 200

    private static func bounded(_ reason: String) -> String {
        guard reason.utf8.count > reasonUTF8CountMax else { return reason }
        var short = reason
        while short.utf8.count > reasonUTF8CountMax { short.removeLast() }
        return short
    }

    package static let learning = Verdict(result: .learning, score: 0, model: .none, isLate: false)
    package static let unscored = Verdict(result: .unscored, score: 0, model: .none, isLate: false)

    /// 0 to 1 in the stated result: 0 on the alarm line, 1 at the far end of its side.
    package var confidence: Double {
        Self.confidence(result: result, score: score)
    }

    package static func confidence(result: ScoreResult, score: Double) -> Double {
        switch result {
        case .normal, .anomaly: min(1, abs(score - 0.5) * 2)
        case .learning, .unscored: 0
        }
    }
}

/// What a model in the shadow said of a reading: kept beside the verdict, and no alarm.
package struct ShadowScore: Hashable, Sendable {
    package let reading: Reading
    package let model: ModelID
    /// 0 to 1, 0.5 at the alarm line.
    package let score: Double

    package init(_ reading: Reading, model: ModelID, score: Double) {
        self.reading = reading
        self.model = model
        self.score = score
    }
}

/// Verdicts of a batch, in its order, as columns; `models[modelIndices[i]]` judged reading i.
package struct VerdictBatch: Hashable, Sendable {
    package private(set) var results: [ScoreResult] = []
    package private(set) var scores: [Double] = []
    package private(set) var isLate: [Bool] = []
    package private(set) var modelIndices: [UInt16] = []
    package private(set) var models: [ModelID] = []
    /// Reasons of anomalies, by index: few have one.
    package private(set) var reasons: [Int: String] = [:]

    package init() {}

    package init(repeating verdict: Verdict, count: Int) {
        results = .init(repeating: verdict.result, count: count)
        scores = .init(repeating: verdict.score, count: count)
        isLate = .init(repeating: verdict.isLate, count: count)
        modelIndices = .init(repeating: 0, count: count)
        models = [verdict.model]
        if let reason = verdict.reason { for index in 0..<count { reasons[index] = reason } }
    }

    /// - Precondition: the columns are equally long and every index is within `models`. Decoders check first.
    package init(
        results: [ScoreResult], scores: [Double], isLate: [Bool], modelIndices: [UInt16], models: [ModelID],
        reasons: [Int: String] = [:]
    ) {
        precondition(
            results.count == scores.count && scores.count == isLate.count && isLate.count == modelIndices.count,
            "verdict columns of different lengths")
        precondition(modelIndices.allSatisfy { $0 < models.count }, "a model index beyond \(models.count) models")
        precondition(reasons.keys.allSatisfy(results.indices.contains), "a reason of no verdict")
        self.results = results
        self.scores = scores
        self.isLate = isLate
        self.modelIndices = modelIndices
        self.models = models
        self.reasons = reasons
    }

    package static let modelsCountMax = Int(UInt16.max)

    package var count: Int { results.count }

    package subscript(index: Int) -> Verdict {
        get {
            Verdict(
                result: results[index], score: scores[index], model: models[Int(modelIndices[index])],
                isLate: isLate[index], reason: reasons.isEmpty ? nil : reasons[index])
        }
        set {
            results[index] = newValue.result
            scores[index] = newValue.score
            isLate[index] = newValue.isLate
            modelIndices[index] = modelIndex(of: newValue.model)
            reasons[index] = newValue.reason
        }
    }

    package mutating func append(_ verdict: Verdict) {
        let model = modelIndex(of: verdict.model)
        if let reason = verdict.reason { reasons[count] = reason }
        results.append(verdict.result)
        scores.append(verdict.score)
        isLate.append(verdict.isLate)
        modelIndices.append(model)
    }

    /// Adds the verdicts `range` of another batch.
    package mutating func append(_ range: Range<Int>, of other: VerdictBatch) {
        let shift = count - range.lowerBound
        for (index, reason) in other.reasons where range.contains(index) { reasons[index + shift] = reason }
        results.append(contentsOf: other.results[range])
        scores.append(contentsOf: other.scores[range])
        isLate.append(contentsOf: other.isLate[range])
        // One search a model, not one a reading.
        var renumbered = [UInt16?](repeating: nil, count: other.models.count)
        for index in range {
            let old = Int(other.modelIndices[index])
            let new = renumbered[old] ?? modelIndex(of: other.models[old])
            renumbered[old] = new
            modelIndices.append(new)
        }
    }

    package func slice(_ range: Range<Int>) -> VerdictBatch {
        if range == 0..<count { return self }
        var slice = VerdictBatch()
        slice.append(range, of: self)
        return slice
    }

    /// A batch names a handful of models, one a metric: a linear search over them, newest first, is the fast way.
    private mutating func modelIndex(of model: ModelID) -> UInt16 {
        if let index = models.lastIndex(of: model) { return UInt16(index) }
        precondition(models.count < Self.modelsCountMax, "more than \(Self.modelsCountMax) models in one batch")
        models.append(model)
        return UInt16(models.count - 1)
    }
}
