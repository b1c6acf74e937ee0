import ArgumentParser
import Evaluation
import Foundation

/// `starling evaluate`.
struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Prints how right the detectors are on recorded data with labels.",
        discussion: """
            The detectors are those of a node, with the same settings for all data. The same data gives the same \
            figures.

              nab      one metric: Numenta Anomaly Benchmark, standard score        DIR/nab/data, DIR/nab/labels
              skab     one device: Skoltech Anomaly Benchmark, alarms row by row    DIR/skab/*/*.csv
              wsn      two metrics: a sensor network, ranking of rows               DIR/wsn/singlehop.csv
              points   rows by themselves: forests, mean over ten seeds             DIR/adbench/*.csv

            Examples:
              starling evaluate --data ./data
              starling evaluate --data ./data --family skab
              starling evaluate --data ./data --json
            """)

    enum Family: String, CaseIterable, ExpressibleByArgument {
        case nab, skab, wsn, points
    }

    @Option(help: .init("The folder with the data.", valueName: "folder"))
    var data: String

    @Option(help: "Only this one of nab, skab, wsn, points.")
    var family: Family?

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws {
        let files = LabelledFiles(folder: data)
        try files.check()
        var report = EvaluationReport()
        do {
            for family in family.map({ [$0] }) ?? Family.allCases { try evaluate(family, files, &report) }
        } catch let error as EvaluationError {
            throw Failure("the data in \(data) cannot be used: \(error). Lay it out as 'starling evaluate --help' says")
        }
        StandardOutput.put(json ? try report.json() : report.text)
    }

    private func evaluate(_ family: Family, _ files: LabelledFiles, _ report: inout EvaluationReport) throws {
        switch family {
        case .nab:
            let score = try NABEvaluation.standard(files.series())
            report.nab = .init(standard: score.normalized, files: score.parts.count)
        case .skab:
            let accuracy = try DeviceEvaluation.skab(files.experiments())
            report.skab = .init(
                f1: accuracy.f1, far: accuracy.falseAlarmRate, mar: accuracy.missedAlarmRate)
        case .wsn:
            guard let accuracy = try DeviceEvaluation.motes(files.motes()) else {
                throw Failure("no row of \(files.path("wsn/singlehop.csv")) is labelled as an anomaly")
            }
            report.wsn = .init(accuracy)
        case .points:
            let sets = try files.points()
            var models: [String: EvaluationReport.Ranking] = [:]
            for model in PointModel.allCases {
                let accuracies = try sets.map { try model.evaluate(on: $0) }
                models[model.rawValue] = PointAccuracy.mean(of: accuracies).map(EvaluationReport.Ranking.init)
            }
            report.points = models
        }
    }
}
