import Evaluation
import Foundation

/// What `starling evaluate` found; nil where it was not asked.
struct EvaluationReport: Encodable {
    struct NAB: Encodable {
        /// 0 for silence, 100 for perfection.
        let standard: Double
        let files: Int
    }

    struct SKAB: Encodable {
        /// All three from 0 to 1.
        let f1: Double
        let far: Double
        let mar: Double
    }

    /// Both from 0 to 1.
    struct Ranking: Encodable {
        let auc: Double
        let ap: Double

        init(_ accuracy: PointAccuracy) {
            (auc, ap) = (accuracy.rocAUC, accuracy.averagePrecision)
        }

        var text: String { "AUC \(EvaluationReport.digits(auc)), AP \(EvaluationReport.digits(ap))" }
    }

    var nab: NAB?
    var skab: SKAB?
    var wsn: Ranking?
    var points: [String: Ranking]?

    func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }

    /// A line a family.
    var text: String {
        var rows: [(String, String)] = []
        if let nab {
            rows.append(("nab", "standard \((nab.standard * 10).rounded() / 10) of 100, \(nab.files) series"))
        }
        if let skab {
            let (far, mar) = (Self.percent(skab.far), Self.percent(skab.mar))
            rows.append(("skab", "F1 \(Self.digits(skab.f1)), false alarms \(far), missed \(mar)"))
        }
        if let wsn { rows.append(("wsn", wsn.text)) }
        for (model, accuracy) in (points ?? [:]).sorted(by: { $0.key < $1.key }) {
            rows.append(("points \(model)", accuracy.text))
        }
        let width = rows.map(\.0.count).max() ?? 0
        return rows.map { $0.0.padding(toLength: width, withPad: " ", startingAt: 0) + "  " + $0.1 }
            .joined(separator: "\n")
    }

    private static func percent(_ share: Double) -> String { "\((share * 1000).rounded() / 10) %" }

    private static func digits(_ value: Double) -> String {
        let thousandths = "\(Int((value * 10_000).rounded()))"
        return value >= 1
            ? "1.0000" : "0." + String(repeating: "0", count: max(0, 4 - thousandths.count)) + thousandths
    }
}
