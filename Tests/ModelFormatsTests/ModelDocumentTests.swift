import Detection
import Foundation
import ModelFormats
import Telemetry
import Testing

@Suite struct ModelDocumentTests {
    /// A detector from 256 readings of `devices` devices: with more than 30 of them there is no forest.
    static func detector(devices: Int, seed: UInt64 = 1) -> Detector {
        var generator = SeededGenerator(seed: seed)
        var trainer = DetectorTrainer()
        for index in 0..<DetectorTrainer.readingsCount {
            let series = Series(
                device: DeviceID(unchecked: "device-\(index % devices)"), metric: Metric(unchecked: "temperature"))
            let noise = generator.drawUnit() + generator.drawUnit() - generator.drawUnit()
            trainer.append(20.1 + noise, at: Instant(microseconds: Int64(index) * 1_000_000), series: series)
        }
        return trainer.train(name: "temperature", version: 7, seed: seed)
    }

    @Test(arguments: [1, 8, 64]) func aDocumentBringsTheDetectorBack(devices: Int) throws {
        let detector = Self.detector(devices: devices)
        #expect((detector.familiarity == nil) == (devices == 64))
        let bytes = try ModelDocument.encode(.detector(detector))
        let again = try ModelDocument.decode(bytes)
        #expect(again == .detector(detector))
        #expect(try ModelDocument.encode(again) == bytes)
        #expect(bytes.count < 1 << 20)

        var generator = SeededGenerator(seed: 2)
        var (state, stateAgain) = (DetectorState(), DetectorState())
        for index in 0..<2000 {
            let value = 20 + generator.drawUnit() * (index % 40 == 39 ? 30 : 1)
            let time = Instant(microseconds: Int64(index) * 1_000_000)
            let score = detector.score(value, at: time, state: &state)
            #expect(score.bitPattern == again.assess(value, at: time, state: &stateAgain).score.bitPattern)
        }
        #expect(state == stateAgain)
    }

    /// A forest over values, as scikit-learn makes one: with its golden answers it is taken, with others refused.
    @Test func aForestIsImportedExactly() throws {
        let id = ModelID(name: "temperature", version: 3)
        let folder = try #require(Bundle.module.url(forResource: "Parity", withExtension: nil))
        var taken = 0
        for file in try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        where file.pathExtension == "json" {
            let bytes = Array(try Data(contentsOf: file))
            let document = try ForestDocument(decoding: bytes)
            guard document.forest.features == 1 else {
                let error = #expect(throws: ModelFormatError.self) {
                    try ModelDocument.decode(importing: bytes, as: id)
                }
                #expect(error?.description.contains("one feature") == true, "\(file.lastPathComponent)")
                continue
            }
            let model = try ModelDocument.decode(importing: bytes, as: id)
            #expect(model.id == id)
            #expect(try ModelDocument.decode(ModelDocument.encode(model)) == model)
            for (row, label) in zip(document.rows, document.predict) where row.isFinite {
                let found = model.assess(row, at: .epoch, frozen: DetectorState())
                #expect((found.score > 0.5) == (label == -1))
            }
            taken += 1
        }
        #expect(taken > 0)
    }

    @Test func aForestWithWrongAnswersIsRefused() throws {
        let folder = try #require(Bundle.module.url(forResource: "Parity", withExtension: nil))
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        let file = try #require(files.first { $0.pathExtension == "json" })
        var object = try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
        var scores = try #require(object["score_samples"] as? [Double])
        scores[0] += 1e-9
        object["score_samples"] = scores
        let bytes = Array(try JSONSerialization.data(withJSONObject: object))
        let error = #expect(throws: ModelFormatError.self) {
            try ModelDocument.decode(importing: bytes, as: ModelID(name: "m", version: 1))
        }
        #expect(error?.description.contains("export it again") == true)
    }

    /// Whatever a document calls its model, in the registry it has the metric's name and the next version.
    @Test func anImportedDetectorIsRenamed() throws {
        let detector = Self.detector(devices: 4)
        let id = ModelID(name: "humidity", version: 2)
        let model = try ModelDocument.decode(importing: try ModelDocument.encode(.detector(detector)), as: id)
        #expect(model.id == id)
        #expect(model == Model.detector(detector).renamed(id))
    }

    @Test func aReprintedDocumentIsStillWhole() throws {
        let detector = Self.detector(devices: 4)
        let object = try JSONSerialization.jsonObject(with: Data(ModelDocument.encode(.detector(detector))))
        let pretty = try JSONSerialization.data(withJSONObject: object, options: [.prettyPrinted])
        #expect(try ModelDocument.decode(Array(pretty)) == .detector(detector))
    }

    @Test(arguments: [
        ("\"center\":20", "\"center\":21", "checksum"), ("\"version\":7", "\"version\":8", "checksum"),
        ("\"version\":7", "\"version\":-7", "version"), ("\"version\":7", "\"version\":99999999999", "version"),
        ("starling-detector/1", "starling-detector/9", "format"), ("\"name\":\"temperature\"", "\"name\":7", "name"),
        ("\"readings\":256", "\"reading\":256", "readings: is missing"), ("\"world\":{", "\"world\":[{", "not JSON"),
        ("\"reach\":", "\"reac\":", "familiarity.reach: is missing"),
        ("\"missing_left\":[0", "\"missing_left\":[2", "checksum"),
    ])
    func changedDocumentsAreRefusedByName(old: String, new: String, says: String) throws {
        let text = String(decoding: try ModelDocument.encode(.detector(Self.detector(devices: 4))), as: UTF8.self)
        let changed = text.replacingOccurrences(of: old, with: new)
        let isChanged = changed != text
        try #require(isChanged, "nothing to change")
        let error = #expect(throws: ModelFormatError.self) { try ModelDocument.decode(Array(changed.utf8)) }
        let description = try #require(error).description
        #expect(description.contains(says), "\(description)")
    }

    /// Values that pass the checksum, because they were written by a program, must still be a model.
    @Test func aDetectorThatNoTrainingYieldsIsRefused() throws {
        let world = try #require(MetricWorld(center: 0, halfSpan: 1, typicalDeviation: 1))
        for (name, version) in [("", 1), ("a\u{7}", 1), ("fine", 0)] as [(String, UInt32)] {
            let detector = Detector(
                id: ModelID(name: name, version: version), world: world, familiarity: nil, readingsCount: 0)
            let bytes = try ModelDocument.encode(.detector(detector))
            #expect(throws: ModelFormatError.self) { try ModelDocument.decode(bytes) }
        }
        #expect(MetricWorld(center: .nan, halfSpan: 1, typicalDeviation: 1) == nil)
        #expect(MetricWorld(center: 0, halfSpan: -1, typicalDeviation: 1) == nil)
        #expect(MetricWorld(center: 0, halfSpan: 1, typicalDeviation: .infinity) == nil)
    }

    @Test func aDocumentBeyondTheLimitIsNotRead() {
        let bytes = [UInt8](repeating: 32, count: ModelDocument.bytesCountMax + 1)
        let error = #expect(throws: ModelFormatError.self) { try ModelDocument.decode(bytes) }
        #expect(error == .tooLarge(bytes: bytes.count, allowed: ModelDocument.bytesCountMax))
    }

    /// Any damage: the same detector (where the change means nothing) or a typed error, never another detector.
    @Test func damagedDocumentsAreNeverAnotherDetector() throws {
        let detector = Self.detector(devices: 64)
        let original = try ModelDocument.encode(.detector(detector))
        var generator = SeededGenerator(seed: 5)
        var refused = 0
        for _ in 0..<1000 {
            do {
                #expect(
                    try ModelDocument.decode(Mutation.apply(to: original, using: &generator)) == .detector(detector))
            } catch {
                refused += 1
            }
        }
        #expect(refused > 700)
        let large = try ModelDocument.encode(.detector(Self.detector(devices: 4)))
        for _ in 0..<20 {
            let damaged = Mutation.apply(to: large, using: &generator)
            if let decoded = try? ModelDocument.decode(damaged) {
                #expect(decoded == .detector(Self.detector(devices: 4)))
            }
        }
    }
}
