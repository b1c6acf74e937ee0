import Evaluation
import Foundation

/// The folder of labelled data that `starling evaluate` reads.
struct LabelledFiles {
    let folder: String

    /// The largest file of the public sets is 6 MB.
    static let bytesCountMax = 64 << 20
    static let help = "'starling evaluate --help' shows what lies where; --family leaves the others out"
    /// Runs without a single anomaly: nothing to find.
    static let folderWithoutAnomalies = "anomaly-free"

    func path(_ name: String) -> String { folder + "/" + name }

    /// - Throws: if there is no such folder.
    func check() throws {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder), isFolder.boolValue else {
            throw Failure("--data: there is no folder \(folder); name the one that holds nab, skab, wsn and adbench")
        }
    }

    /// Names, sorted by bytes: not by whatever order a file system has.
    private func names(in name: String) throws -> [String] {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: path(name)) else {
            throw Failure("there is no folder \(path(name)); \(Self.help)")
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    private func tables(in name: String) throws -> [String] {
        try names(in: name).filter { $0.hasSuffix(".csv") }.map { "\(name)/\($0)" }
    }

    private func bytes(_ name: String) throws -> [UInt8] {
        guard FileManager.default.fileExists(atPath: path(name)) else {
            throw Failure("there is no file \(path(name)); \(Self.help)")
        }
        return try SmallFile.read(path(name), bytesMax: Self.bytesCountMax)
    }

    private func text(_ name: String) throws -> String {
        String(decoding: try bytes(name), as: UTF8.self)
    }

    private static func notEmpty<Item>(_ items: [Item], _ what: String) throws -> [Item] {
        guard !items.isEmpty else { throw Failure("there is no \(what); \(help)") }
        return items
    }

    func series() throws -> [LabelledSeries] {
        let labels = "nab/labels/combined_windows.json"
        let windows: [String: [[String]]]
        let data = Data(try bytes(labels))
        do { windows = try JSONDecoder().decode([String: [[String]]].self, from: data) } catch {
            throw Failure("\(path(labels)) is no JSON object of windows, each two times, by name of the file")
        }
        let found = try windows.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }.map { name, windows in
            try LabelledSeries(name: name, csv: text("nab/data/" + name), windows: windows)
        }
        return try Self.notEmpty(found, "series in \(path(labels))")
    }

    func experiments() throws -> [LabelledRows] {
        var found: [LabelledRows] = []
        for part in try names(in: "skab") where part != Self.folderWithoutAnomalies {
            for name in (try? tables(in: "skab/\(part)")) ?? [] {
                found.append(try LabelledRows(name: name, skab: text(name)))
            }
        }
        return try Self.notEmpty(found, "experiment \(path("skab"))/*/*.csv")
    }

    func motes() throws -> [LabelledRows] {
        try LabelledRows.motes(name: "wsn/singlehop.csv", csv: text("wsn/singlehop.csv"))
    }

    func points() throws -> [LabelledPoints] {
        let found = try tables(in: "adbench").map { try LabelledPoints(name: $0, csv: text($0)) }
        return try Self.notEmpty(found, "table \(path("adbench"))/*.csv")
    }
}
