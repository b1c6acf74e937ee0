import DataPlane
import Ports
import Telemetry
import Testing

/// Clients are told to come back when more is offered than goes in, and not because a disk is slow.
@Suite struct StandingQueueTests {
    private static func driver() -> IngestDriver {
        var limits = IngestLimits()
        limits.appendReadingsMax = 10
        var driver = IngestDriver(limits: limits)
        driver.start()
        driver.performAll()
        return driver
    }

    /// Each group takes all that waits: a queue that empties is none, though every sync takes two seconds.
    @Test func aSlowDiskRefusesNobody() {
        var driver = Self.driver()
        for _ in 0..<20 {
            driver.offer(driver.fresh(5))
            driver.now = driver.now.advanced(byMicroseconds: 1_000_000)
            driver.offer(driver.fresh(5))
            driver.now = driver.now.advanced(byMicroseconds: 1_000_000)
            driver.performAll()
        }
        #expect(driver.refused.isEmpty)
    }

    /// Each group leaves one behind, as large requests make it: nobody waits for longer than one append.
    @Test func nobodyIsRefusedWhoWaitsBriefly() {
        var driver = Self.driver()
        for _ in 0..<200 {
            for _ in 0..<2 { driver.offer(driver.fresh(6)) }
            let append = driver.take { if case .append = $0 { true } else { false } }
            if let append { driver.perform(append) }
            driver.now = driver.now.advanced(byMicroseconds: 20_000)
            driver.performAll()
        }
        #expect(driver.refused.isEmpty)
    }

    /// Three times of what a group holds comes for each group: after the time that it may stand, the queue grows no more,
    /// what waits goes in, and then others may come again.
    @Test func moreThanGoesInIsRefusedAfterAWhile() {
        var driver = Self.driver()
        let step = driver.core.limits.standingTimeMax / 3
        for _ in 0..<3 {
            for _ in 0..<6 { driver.offer(driver.fresh(5)) }
            let append = driver.take { if case .append = $0 { true } else { false } }
            if let append { driver.perform(append) }
            driver.now = driver.now.advanced(byMicroseconds: step)
        }
        #expect(driver.refused.isEmpty, "a burst waits")
        driver.now = driver.now.advanced(byMicroseconds: step)
        #expect(driver.core.busyFrom.map { $0 <= driver.now } == true, "whoever asks before is told the same")
        driver.offer(driver.fresh(5))
        #expect(driver.refused.values.map { $0 } == [.logFull(retryAfterSeconds: 1)])
        driver.performAll()
        #expect(driver.core.busyFrom == nil)
        driver.offer(driver.fresh(5))
        driver.performAll()
        #expect(driver.refused.count == 1)
        #expect(driver.acknowledged.count == 19)
    }
}
