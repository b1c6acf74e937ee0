import ArgumentParser
import Foundation
import ModelFormats

/// `starling models verify`.
struct ModelsVerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Scores the rows in an exported forest and compares with the answers written next to them.",
        discussion: """
            Exits 1 if a label differs, or a score by more than 1e-9.

            Examples:
              starling models verify forest.json
              starling models verify forest.json --json
            """)

    /// A forest of 100 trees over 256 samples is under half a megabyte.
    static let bytesCountMax = 256 << 20
    /// Scores are sums of a few hundred terms: an honest scorer is within 1e-12.
    static let errorMax = 1e-9

    @Argument(help: .init("An exported forest (isolation-forest-trees/1).", valueName: "file"))
    var file: String

    @Flag(help: "Print one JSON object.")
    var json = false

    private struct Report: Encodable {
        let rows: Int
        let maxAbsError: Double
        let labelMismatches: Int

        enum CodingKeys: String, CodingKey {
            case rows
            case maxAbsError = "max_abs_error"
            case labelMismatches = "label_mismatches"
        }
    }

    func run() throws {
        let bytes = try SmallFile.read(file, bytesMax: Self.bytesCountMax)
        let report: Report
        do {
            let result = try ForestVerification.run(bytes)
            report = Report(
                rows: result.rows, maxAbsError: result.maxAbsError, labelMismatches: result.labelMismatches)
        } catch {
            throw Failure("\(file) cannot be scored: \(error). It must be an isolation-forest-trees/1 document")
        }
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = .sortedKeys
            StandardOutput.put(String(decoding: try encoder.encode(report), as: UTF8.self))
        } else {
            StandardOutput.put(
                "\(report.rows) rows, largest error \(report.maxAbsError), \(report.labelMismatches) labels differ")
        }
        // Written so that a NaN fails.
        guard report.labelMismatches == 0, report.maxAbsError <= Self.errorMax else {
            throw Failure("\(file): this scorer does not agree with the golden answers")
        }
    }
}
