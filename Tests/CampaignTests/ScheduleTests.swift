import Campaign
import Testing

@Suite struct ScheduleTests {
    @Test func sameSeedSameSchedule() {
        #expect(
            CampaignSchedule(seed: 1, nodesCount: 5, milliseconds: 60_000)
                == CampaignSchedule(seed: 1, nodesCount: 5, milliseconds: 60_000))
    }
}
