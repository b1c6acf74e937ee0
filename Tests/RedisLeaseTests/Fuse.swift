import Lease
import Ports
import RedisLease
import Synchronization
import Testing

/// How many bytes the next connection carries.
final class Fuse: Sendable {
    private let value = Mutex<Int?>(nil)

    var bytes: Int? {
        get { value.withLock { $0 } }
        set { value.withLock { $0 = newValue } }
    }

    /// The line of `lease` breaks after each of so many bytes: an error or a whole answer, and the next call has a new
    /// line.
    func expectErrorsWhereItBreaks(at breaks: StrideTo<Int>, _ lease: RedisLease) async throws {
        var failures = 0
        for count in breaks {
            bytes = count
            do throws(LeaseKeeperError) {
                _ = try await lease.perform(RedisLeaseTests.request(.acquire, 1))
            } catch {
                failures += 1
            }
            await lease.close()
            bytes = nil
            _ = try await lease.perform(RedisLeaseTests.request(.acquire, 1))
            #expect(try await lease.perform(RedisLeaseTests.request(.renew, 1)) == .granted)
            #expect(try await lease.perform(RedisLeaseTests.request(.release, 1)) == .granted)
            await lease.close()
        }
        #expect(failures > 10, "the line must have broken")
    }
}
