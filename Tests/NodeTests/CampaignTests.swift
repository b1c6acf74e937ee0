import Campaign
import CampaignHarness
import Foundation
import NodeHarness
import Testing

extension NodeTests {
    /// Short campaigns with fixed seeds (`cluster/campaign` runs long ones with any): a real cluster with its servers under
    /// load, everything that may go wrong with them, and what must hold afterwards.
    @Suite(
        .timeLimit(.minutes(10)),
        .disabled(if: CampaignSettings.obstacle != nil, "SKIPPED: \(CampaignSettings.obstacle ?? "")"))
    struct CampaignTests {
        private static let nodesCount = 4
        private static let milliseconds = 45_000

        @Test(arguments: [11, 12, 13] as [UInt64]) func everyPromiseIsKept(_ seed: UInt64) throws {
            let schedule = CampaignSchedule(
                seed: seed, nodesCount: Self.nodesCount, milliseconds: Self.milliseconds)
            let binary = try Programs.starling()
            var settings = CampaignSettings(
                binary: binary, clockLibrary: try CampaignSettings.clockLibrary(beside: binary)
            ) { _ in }
            settings.devicesCount = 100
            let report = try CampaignRun.run(schedule, settings)
            #expect(report.isGood, "\(schedule)\n\(report.table)")
            #expect(report.accepted > 2_000 && report.pruned == settings.ghostsCount)
        }
    }
}
