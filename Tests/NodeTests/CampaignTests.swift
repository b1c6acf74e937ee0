import Campaign
import CampaignHarness
import Foundation
import NodeHarness
import Synchronization
import Testing

extension NodeTests {
    /// Short campaigns with fixed seeds (`cluster/campaign` runs long ones with any): a real cluster with its servers under
    /// load, everything that may go wrong with them, and what must hold afterwards.
    @Suite(
        .timeLimit(.minutes(10)),
        .disabled(if: CampaignSettings.obstacle != nil, "SKIPPED: \(CampaignSettings.obstacle ?? "")"))
    struct CampaignTests {
        private static let seeds: [UInt64] = [11, 12, 13]
        private static let nodesCount = 4
        private static let milliseconds = 45_000

        /// Side by side: they wait most of the time.
        @Test func everyPromiseIsKept() throws {
            let binary = try Programs.starling()
            var settings = CampaignSettings(
                binary: binary, clockLibrary: try CampaignSettings.clockLibrary(beside: binary)
            ) { _ in }
            settings.devicesCount = 100
            let made = settings
            let outcomes = Mutex<[Outcome]>([])
            DispatchQueue.concurrentPerform(iterations: Self.seeds.count) { index in
                let schedule = CampaignSchedule(
                    seed: Self.seeds[index], nodesCount: Self.nodesCount, milliseconds: Self.milliseconds)
                let report = Result { try CampaignRun.run(schedule, made) }
                outcomes.withLock { $0.append(Outcome(schedule: schedule, report: report)) }
            }
            for outcome in outcomes.withLock({ $0 }) {
                let report = try outcome.report.get()
                #expect(report.isGood, "\(outcome.schedule)\n\(report.table)")
                #expect(report.accepted > 2_000 && report.pruned == settings.ghostsCount)
            }
        }

        private struct Outcome: Sendable {
            let schedule: CampaignSchedule
            let report: Result<CampaignReport, any Error>
        }
    }
}
