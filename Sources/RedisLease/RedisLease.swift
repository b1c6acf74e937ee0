package import Lease
package import Ports
import SerialQueues

/// A lease kept by a Redis server: one key, with the owner as its value and the TTL as its expiry.
///
/// `SET NX PX` acquires; two scripts compare the owner and renew or release, each in one step of the server. Every call
/// has one deadline for name, connection, login and answer. After an error the connection is thrown away, and the next
/// call makes a new one; none is repeated here, because only the core knows what an unknown outcome means.
///
/// hiredis blocks, so the calls run on a thread of their own.
package actor RedisLease: LeaseKeeper {
    private static let renewScript = """
        if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0
        """
    private static let releaseScript = """
        if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0
        """

    private let address: RedisURL
    private let key: String
    private let ttlMilliseconds: Int64
    private let patience: Duration
    private let executor = SerialQueueExecutor(label: "starling.lease")
    private var link: RedisLink?

    /// - Parameter key: what the lease is for; the flocks that share a server have different ones.
    package init(_ address: RedisURL, key: String, limits: LeaseLimits) {
        self.address = address
        self.key = "starling:lease:" + key
        // Never shorter than what the core counts on.
        ttlMilliseconds = (limits.ttl + 999) / 1_000
        patience = .microseconds(limits.patience)
    }

    package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    package func perform(_ request: LeaseRequest) throws(LeaseKeeperError) -> LeaseAnswer {
        let deadline = ContinuousClock.now + patience
        do throws(LeaseKeeperError) {
            return try answer(try connected(until: deadline).ask(command(request), until: deadline))
        } catch {
            link = nil
            throw error
        }
    }

    private func connected(until deadline: ContinuousClock.Instant) throws(LeaseKeeperError) -> RedisLink {
        if let link { return link }
        let made = try RedisLink(address, until: deadline)
        link = made
        return made
    }

    private func command(_ request: LeaseRequest) -> [String] {
        let owner = request.owner.description
        return switch request.operation {
        case .acquire: ["SET", key, owner, "NX", "PX", "\(ttlMilliseconds)"]
        case .renew: ["EVAL", Self.renewScript, "1", key, owner, "\(ttlMilliseconds)"]
        case .release: ["EVAL", Self.releaseScript, "1", key, owner]
        }
    }

    private func answer(_ reply: RedisReply) throws(LeaseKeeperError) -> LeaseAnswer {
        switch reply {
        case .status("OK"), .integer(1): return .granted
        case .null, .integer(0): return .refused
        default: throw LeaseKeeperError("\(address) gave an answer that fits no question: is it a Redis server?")
        }
    }

    package func close() { link = nil }
}
