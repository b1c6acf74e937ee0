import ArgumentParser
import Campaign
import CampaignHarness
import Foundation
import NodeHarness

/// The command line of campaigns: one after the other, each of a seed.
@main
struct StarlingCampaign: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "starling-campaign",
        abstract: "Runs a real cluster under load through a seeded schedule of faults, and checks what was promised.",
        discussion: """
            Nodes, a PostgreSQL, a Redis and the devices run as processes on network namespaces of their own: root on \
            Linux is needed. Nodes are killed and stand still, the network splits, loses, is one-way, a disk is full, \
            the servers are killed and come back (Redis also empty), clocks step, nodes are restarted in turn, join \
            and leave. Some devices fall silent for good, so that the pruner has something to do.

            Then everything heals, and from outside it is checked that each reading that a client saw accepted is \
            stored once with its value and nothing else is, that /latest of every node tells the newest of it, that \
            the ledger is closed, that one pruner at a time took the silent devices and nobody else, that every node \
            is ready and none ended by itself.

            Exit code 0 if all held, 1 if a promise was broken (logs, tables and the schedule are kept, and it says \
            where), 2 if a campaign could not be made here. The same seed has the same schedule every time.

            Examples:
              starling-campaign --seed 7
              starling-campaign --minutes 10 --seeds 1..20 --nodes 7
              starling-campaign --seed 7 --plan
            """)

    @Option(help: .init("How long devices send and faults go on.", valueName: "minutes"))
    var minutes = 3.0

    @Option(help: .init("The seed of the schedule. (default: one of its own every time)", valueName: "number"))
    var seed: UInt64?

    @Option(help: .init("Several seeds, one after the other.", valueName: "first..last"))
    var seeds: String?

    @Option(help: .init("Nodes at the beginning; one more may join.", valueName: "number"))
    var nodes = 5

    @Option(help: .init("Devices; each sends two readings every two seconds.", valueName: "number"))
    var devices = 200

    @Option(help: .init("The starling under test. (default: the one beside this program)", valueName: "file"))
    var binary: String?

    @Option(help: .init("Where the campaign's folder is made. (default: $TMPDIR)", valueName: "folder"))
    var folder: String?

    @Flag(help: "Print the schedule and end.")
    var plan = false

    /// Devices are numbered with at least two digits, ghosts with fewer digits than devices: no name is of both.
    private static let devicesCounts = 100...10_000

    func validate() throws {
        _ = try range()
        guard (CampaignSchedule.nodesCountMin...CampaignSchedule.nodesCountMax).contains(nodes) else {
            throw ValidationError(
                "--nodes is \(CampaignSchedule.nodesCountMin) to \(CampaignSchedule.nodesCountMax)")
        }
        guard Self.devicesCounts.contains(devices) else {
            throw ValidationError("--devices is \(Self.devicesCounts.lowerBound) to \(Self.devicesCounts.upperBound)")
        }
        guard (CampaignSchedule.millisecondsMin...CampaignSchedule.millisecondsMax).contains(milliseconds) else {
            throw ValidationError("--minutes is 0.5 to 1440")
        }
    }

    private var milliseconds: Int { Int(max(0, min(minutes, 1e6)) * 60_000) }

    private func range() throws -> ClosedRange<UInt64> {
        if let seed {
            guard seeds == nil else { throw ValidationError("--seed or --seeds, not both") }
            return seed...seed
        }
        guard let seeds else {
            let own = UInt64.random(in: 1...999_999)
            return own...own
        }
        let ends = seeds.split(separator: "..", omittingEmptySubsequences: false).map { UInt64($0) }
        guard ends.count == 2, let first = ends[0], let last = ends[1], first <= last else {
            throw ValidationError("--seeds is two numbers, as in 1..20")
        }
        return first...last
    }

    func run() throws {
        var code: Int32 = 0
        for seed in try range() {
            let schedule = CampaignSchedule(seed: seed, nodesCount: nodes, milliseconds: milliseconds)
            Self.put("\(schedule)")
            guard !plan else { continue }
            code = Self.worse(code, try campaign(schedule))
        }
        if code != 0 { throw ExitCode(code) }
    }

    /// A broken promise is worse than a campaign that could not be made.
    private static func worse(_ one: Int32, _ other: Int32) -> Int32 { one == 1 || other == 1 ? 1 : max(one, other) }

    private func campaign(_ schedule: CampaignSchedule) throws -> Int32 {
        do {
            if let obstacle = CampaignSettings.obstacle { throw HarnessError(obstacle) }
            let binary = try binary ?? Programs.starling()
            var settings = CampaignSettings(
                binary: binary, clockLibrary: try CampaignSettings.clockLibrary(beside: binary)
            ) { Self.put($0) }
            settings.devicesCount = devices
            settings.folder = folder
            settings.isInterrupted = Interruption.watch()
            let report = try CampaignRun.run(schedule, settings)
            Self.put(report.table)
            if !report.isGood { Self.put("  again: cluster/campaign \(arguments(of: schedule.seed))") }
            Self.put(report.json)
            return report.isGood ? 0 : 1
        } catch is Interrupted {
            throw ExitCode(130)
        } catch {
            Self.put("NOT MADE: \(error)")
            return 2
        }
    }

    /// At once, also into a file that somebody follows.
    private static func put(_ line: String) { FileHandle.standardOutput.write(Data((line + "\n").utf8)) }

    private func arguments(of seed: UInt64) -> String {
        "--minutes \(minutes) --seed \(seed) --nodes \(nodes)" + (devices == 200 ? "" : " --devices \(devices)")
    }
}
