import Detection
import Foundation
import FuzzKit
import ModelFormats
import Telemetry

// Model documents, ours and scikit-learn's as our exporter writes them. Documents whose checksum is wrong are read once more
// with the right one, so that what is behind it is reached. What is read is the same when written and read again, and what
// it says of readings is a score.

let id = ModelID(name: "m", version: 7)

/// The model, after at most one mended checksum.
func model(_ bytes: [UInt8]) -> Model? {
    do throws(ModelFormatError) {
        return try ModelDocument.decode(bytes)
    } catch {
        guard case .checksum(let found, let expected) = error, !found.isEmpty else { return nil }
        let mended = String(decoding: bytes, as: UTF8.self).replacing("\"\(found)\"", with: "\"\(expected)\"")
        return try? ModelDocument.decode(Array(mended.utf8))
    }
}

func checkAgain(_ model: Model) {
    guard let written = try? ModelDocument.encode(model) else {
        preconditionFailure("read what cannot be written: \(model.id)")
    }
    precondition((try? ModelDocument.decode(written)) == model, "\(String(decoding: written, as: UTF8.self))")
    precondition((try? ModelDocument.decode(importing: written, as: id)) == model.renamed(id))
}

func checkScores(_ model: Model) {
    var state = DetectorState()
    var time = Instant.epoch
    let odd: [Double] = [0, 20, 20.5, 20, 21, -1e300, 1e300, .leastNonzeroMagnitude, 20, .infinity, .nan]
    for value in odd + [Double](repeating: 20, count: 40) {
        time = time.advanced(byMicroseconds: 60_000_000)
        let late = model.assess(value, at: time, frozen: state).score
        let score = model.assess(value, at: time, state: &state).score
        precondition((0...1).contains(score) && (0...1).contains(late), "\(value) scores \(score), late \(late)")
        if let range = model.expected(after: state) {
            precondition(range.lowerBound.isFinite && range.upperBound.isFinite, "\(range)")
        }
    }
}

func checkExport(_ bytes: [UInt8]) {
    guard let document = try? ForestDocument(decoding: bytes) else { return }
    let features = max(1, document.forest.features)
    precondition(document.rows.count == document.predict.count * features, "\(document.rows.count) values")
    let found = try? ForestVerification.run(bytes)
    precondition(found?.rows == document.predict.count, "\(String(describing: found))")
    if let model = try? ModelDocument.decode(importing: bytes, as: id) {
        checkAgain(model)
        checkScores(model)
    }
}

try Fuzzer.run(seeds: Seeds.all) { bytes in
    let bytes = Array(bytes)
    checkExport(bytes)
    guard let model = model(bytes) else { return }
    checkAgain(model)
    checkScores(model)
}
