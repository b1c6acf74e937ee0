import Dispatch
import Lease
import NodeHarness
import Ports
import RedisLease
import ServerHarness
import Testing

/// Every part of a call, its turn included, is within one deadline.
@Suite struct DeadlineTests {
    @Test func aCallWhoseTimeIsOverAsksNobody() async throws {
        let server = try SilentServer()
        let lease = RedisLease(
            try RedisURL("redis://127.0.0.1:\(server.port)"), key: "pruner", limits: RedisLeaseTests.long)
        let error = await #expect(throws: LeaseKeeperError.self) {
            try await lease.perform(RedisLeaseTests.request(.acquire, 1), until: .now)
        }
        #expect(error?.description.contains("was not asked") == true)
        #expect(server.clientBytes(.zero) == nil, "nobody came in")
    }

    /// Calls queue behind one that is not answered; their time runs meanwhile.
    @Test(arguments: ["redis", "rediss"])
    func callsThatWaitForTheirTurnEndWithTheFirst(_ scheme: String) async throws {
        let server = try SilentServer()
        let lease = RedisLease(
            try RedisURL("\(scheme)://127.0.0.1:\(server.port)"), key: "pruner", limits: RedisLeaseTests.short)
        let started = ContinuousClock.now
        let failures = await withTaskGroup(of: Bool.self) { group in
            for life in 1...40 {
                group.addTask {
                    do throws(LeaseKeeperError) {
                        _ = try await lease.perform(RedisLeaseTests.request(.acquire, UInt64(life)))
                        return false
                    } catch {
                        return true
                    }
                }
            }
            return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(failures == 40)
        // One after the other it would be 40 s.
        #expect(ContinuousClock.now - started < .seconds(20))
    }

    @Test func aNameThatNobodyKnowsIsToldInTime() async throws {
        let lease = RedisLease(
            try RedisURL("redis://:corr3ct@nowhere.invalid"), key: "pruner", limits: RedisLeaseTests.short)
        let error = await #expect(throws: LeaseKeeperError.self) {
            try await lease.perform(RedisLeaseTests.request(.acquire, 1))
        }
        #expect(error?.description.contains("no address of that name") == true, "\(error?.description ?? "none")")
    }

    /// Name servers that are silent do not hold a call, and what they say later is not lost.
    @Test func aSlowLookUpIsWaitedForInParts() async throws {
        let answer = DispatchSemaphore(value: 0)
        let slow = NameLookup {
            _ = answer.wait(timeout: .now() + .seconds(60))
            return .unknown("at last")
        }
        #expect(slow.wait(until: .now) == nil)
        #expect(slow.wait(until: .now + .milliseconds(20)) == nil)
        answer.signal()
        #expect(slow.wait(until: .now + .seconds(60)) == .unknown("at last"))
        #expect(slow.wait(until: .now) == .unknown("at last"))
    }
}
