import Detection
import FuzzKit
import ModelFormats
import Telemetry

enum Seeds {
    /// Small trees, as JSON: a whole one has a hundred trees and is too long to be mutated to any purpose.
    private static let tree =
        #"{"feature":[0,-1,0,-1,-1],"threshold":[20.5,-2.0,23.25,-2.0,-2.0],"left":[1,-1,3,-1,-1],"#
        + #""right":[2,-1,4,-1,-1],"samples":[8,4,4,3,1],"missing_left":[1,0,0,0,0]}"#
    private static let wideTree =
        #"{"feature":[2,-1,-1],"threshold":[0.5,-2.0,-2.0],"left":[1,-1,-1],"right":[2,-1,-1],"samples":[8,5,3],"#
        + #""missing_left":[0,0,0]}"#

    private static func forest(checksum: String) -> String {
        #"{"checksum":"\#(checksum)","format":"starling-forest/1","max_samples":8,"name":"temperature","offset":-0.5,"#
            + #""readings":8,"trees":[\#(tree),\#(tree)],"version":3}"#
    }

    private static func detector(checksum: String) -> String {
        let familiarity =
            #"{"features":3,"max_samples":8,"offset":-0.5,"ordinary":-0.4,"reach":6.5,"trees":[\#(wideTree)],"#
            + #""unusual":-0.7}"#
        return #"{"checksum":"\#(checksum)","familiarity":\#(familiarity),"format":"starling-detector/1","#
            + #""name":"temperature","readings":256,"version":7,"#
            + #""world":{"center":20.1,"half_span":2.5,"typical_deviation":0.75}}"#
    }

    private static func export(rows: String, scores: String, decisions: String, predict: String) -> String {
        #"{"decision_function":\#(decisions),"features":1,"format":"isolation-forest-trees/1","max_samples":8,"#
            + #""offset":-0.5,"predict":\#(predict),"rows":\#(rows),"score_samples":\#(scores),"trees":[\#(tree)],"#
            + #""trees_count":1}"#
    }

    /// With what this program says, as if scikit-learn had.
    private static func export() throws -> String {
        let rows = "[[20.0],[21.5],[null]]"
        let blank = export(rows: rows, scores: "[0,0,0]", decisions: "[0,0,0]", predict: "[1,1,1]")
        let document = try ForestDocument(decoding: Array(blank.utf8))
        let scores = document.forest.scores(rows: document.rows)
        let decisions = scores.map { document.forest.decision(score: $0) }
        let labels = scores.map { document.forest.isOutlier(score: $0) ? -1 : 1 }
        return export(rows: rows, scores: "\(scores)", decisions: "\(decisions)", predict: "\(labels)")
    }

    /// With the checksum that is asked for.
    private static func whole(_ document: (String) -> String) throws -> String {
        do throws(ModelFormatError) {
            _ = try ModelDocument.decode(Array(document("0").utf8))
            return document("0")
        } catch {
            guard case .checksum(_, let expected) = error else { throw error }
            return document(expected)
        }
    }

    private static func small() -> [UInt8]? {
        var trainer = DetectorTrainer()
        for index in 0..<DetectorTrainer.readingsCount {
            let series = Series(
                device: DeviceID(unchecked: "device-\(index % 64)"), metric: Metric(unchecked: "temperature"))
            trainer.append(
                Double(index % 7), at: Instant(microseconds: Int64(index) * 1_000_000), series: series)
        }
        return try? ModelDocument.encode(.detector(trainer.train(name: "temperature", version: 1, seed: 1)))
    }

    static func all() throws -> [Seed] {
        let trained = small().map { [Seed("detector-trained", $0)] } ?? []
        return trained + [
            Seed("forest", try whole(forest)), Seed("forest-bad-checksum", forest(checksum: "0123456789abcdef")),
            Seed("detector", try whole(detector)),
            Seed("export", try export()),
            Seed("export-no-answers", export(rows: "[]", scores: "[]", decisions: "[]", predict: "[]")),
            Seed("cycle", forest(checksum: "0").replacing("[1,-1,3,-1,-1]", with: "[0,-1,2,-1,-1]")),
        ]
    }
}
