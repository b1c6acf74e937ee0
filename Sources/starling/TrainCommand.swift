import ArgumentParser
import Detection
import DeviceFleet
import Foundation
import ModelFormats
import Telemetry

/// `starling train`.
struct TrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Trains the model of a metric, and registers it as its next version.",
        discussion: """
            From 'store' a node trains from a uniform sample of what the fleet sent; from a CSV file (timestamp,value) \
            it is trained here, and the node tries it on what it has stored. A version that is registered serves once it \
            is activated: with --activate at once, if it does not raise the alarm rate beyond the budget.

            \(ClientAccess.help)

            Examples:
              starling train --type temperature --from store --activate
              starling train --type pressure --from history.csv
              starling train --type pressure --from history.csv --url http://127.0.0.1:8081 --json
            """)

    @Option(help: .init("The metric.", valueName: "type"))
    var type: String

    @Option(help: .init("A CSV file with the columns timestamp and value, or 'store'.", valueName: "file|store"))
    var from: String

    @Flag(help: "Let it serve at once, if it does not raise the alarm rate.")
    var activate = false

    @Option(help: "A node of the flock.")
    var url = NodeClient.defaultURL

    @Flag(help: "Print the node's answer as JSON.")
    var json = false

    static let fromStore = "store"

    func validate() throws {
        guard Metric(type) != nil else {
            throw ValidationError("--type must be 1 to \(Metric.utf8CountMax) bytes without control characters")
        }
    }

    func run() async throws {
        let bar = StepBar(steps: from == Self.fromStore ? 2 : 4)
        let path = "/models/\(ModelsRequest.encoded(type))"
        let answer: (status: Int, body: [UInt8])
        if from == Self.fromStore {
            bar.step("the node trains from what is stored")
            answer = try await ModelsRequest.post("\(path)/train?activate=\(activate)", to: url)
        } else {
            bar.step("reading \(from)")
            let sample = try Self.sample(from, type)
            bar.step("training from \(sample.values.count) readings")
            let document = try Self.trained(sample, type)
            bar.step("registering \(document.count / 1024) KiB")
            answer = try await ModelsRequest.put("\(path)?activate=\(activate)", to: url, document)
        }
        bar.step("done")
        bar.end()
        let report = try ModelsRequest.decode(TrainingText.self, from: answer, of: url)
        StandardOutput.put(json ? String(decoding: answer.body, as: UTF8.self) : report.text)
        if activate { try report.checkServing(type) }
    }

    private static func sample(_ path: String, _ type: String) throws -> ModelTrial.Sample {
        let file = ReplayFile(try SmallFile.read(path, bytesMax: ReplayFile.bytesCountMax))
        if let bad = file.badRows.first {
            throw Failure(
                "\(path), line \(bad.line): \(bad.reason) (\(file.badRowsCount) bad rows). Mend or remove them, then try again"
            )
        }
        let rows = file.rows.sorted { $0.time < $1.time }
        return ModelTrial.Sample(
            series: Series(device: DeviceID(unchecked: "file"), metric: Metric(unchecked: type)),
            times: rows.map(\.time), values: rows.map(\.value))
    }

    private static func trained(_ sample: ModelTrial.Sample, _ type: String) throws -> [UInt8] {
        let id = ModelID(name: type, version: 1)
        guard let trial = ModelTrial(training: [sample], id: id, serving: nil, seed: DeviceHashSeed.of(type)) else {
            throw Failure(
                "\(sample.values.count) readings are too few: \(ModelTrial.readingsCountMin) are needed beside the last quarter, "
                    + "which is held back")
        }
        do { return try ModelDocument.encode(trial.candidate) } catch { throw Failure("\(error)") }
    }
}

/// The same readings give the same model on every machine.
private enum DeviceHashSeed {
    static func of(_ type: String) -> UInt64 { type.utf8.reduce(1) { $0 &* 31 &+ UInt64($1) } }
}

/// What became of a training or an import, for people.
struct TrainingText: Decodable {
    let model: String
    let version: UInt32
    let readings: UInt64
    let activated: Bool
    let reason: String

    func checkServing(_ type: String) throws {
        guard !activated else { return }
        throw Failure(
            "\(model) does not serve: it would raise the alarm rate. Look at 'starling models show \(type)', and activate it "
                + "with 'starling models activate \(type) \(version)' if you want it all the same")
    }

    var text: String {
        let state = activated ? "serves on every node within a second or two" : "is registered and does not serve yet"
        return "\(model), trained on \(readings) readings, \(state).\n\(reason)"
    }
}
