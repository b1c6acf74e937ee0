import Campaign
import Foundation
import NodeHarness

/// `starling simulate` on a host of its own, which writes down what it sends.
final class Devices {
    let record: String
    private let log: String
    private let process: ChildProcess

    /// A request that is out when it is asked to stop gets its whole time.
    private static let stopLimit = Duration.seconds(20)

    /// - Parameter name: of its files.
    init(_ name: String, _ arguments: [String], in world: CampaignWorld) throws {
        record = world.folder.file("\(name).tsv")
        log = world.folder.file("\(name).log")
        let command =
            world.devicesPlace.prefix + [
                world.settings.binary, "simulate", "--server", world.addresses.joined(separator: ","), "--record",
                record,
            ] + arguments
        process = try ChildProcess(command[0], Array(command.dropFirst()), output: log)
    }

    var isRunning: Bool { process.isRunning }

    /// It did all that it was to do.
    var isDone: Bool { process.exit == .code(0) }

    /// - Returns: true if it ended as asked.
    func stop() -> Bool {
        process.send(SIGTERM)
        return process.wait(Self.stopLimit) == .code(0)
    }

    var lastWords: String {
        let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").suffix(3).joined(separator: " | ")
    }

    func recorded() throws -> String { try String(contentsOfFile: record, encoding: .utf8) }
}
