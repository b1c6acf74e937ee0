package import Lease
package import Ports
import SerialQueues

/// A lease kept by a Redis server: one key, with the owner as its value and the TTL as its expiry.
///
/// `SET NX PX` acquires; two scripts compare the owner and renew or release, each in one step of the server. Every call
/// has one deadline for its turn, name, connection, TLS, login and answer. After an error the connection is thrown
/// away, and the next call makes a new one; none is repeated here, because only the core knows what an unknown outcome
/// means.
///
/// hiredis blocks, so the calls run on a thread of their own. It has no TLS where Debian built it: `rediss://` goes
/// through a `Tunnel` inside this process, made of SwiftNIO's parts, which the node has for HTTPS anyway. It has no
/// target of its own: nothing else would use it, and this one's tests could not do without.
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
    /// One that a call did not see the end of; the next call takes its answer.
    private var lookup: NameLookup?

    /// - Parameter key: what the lease is for; the flocks that share a server have different ones.
    package init(_ address: RedisURL, key: String, limits: LeaseLimits) {
        self.address = address
        self.key = "starling:lease:" + key
        // Never shorter than what the core counts on.
        ttlMilliseconds = (limits.ttl + 999) / 1_000
        patience = .microseconds(limits.patience)
    }

    package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    package nonisolated func perform(_ request: LeaseRequest) async throws(LeaseKeeperError) -> LeaseAnswer {
        // Taken here, where it is asked: calls wait for their turn, and the core does not wait for them.
        try await perform(request, until: ContinuousClock.now + patience)
    }

    /// - Throws: at once, without a word to the server, if the deadline is past.
    package func perform(
        _ request: LeaseRequest, until deadline: ContinuousClock.Instant
    ) throws(LeaseKeeperError) -> LeaseAnswer {
        guard ContinuousClock.now < deadline else {
            throw LeaseKeeperError("\(address) was not asked: calls before this one took all of its time")
        }
        do throws(LeaseKeeperError) {
            return try answer(try connected(until: deadline).ask(command(request), until: deadline))
        } catch {
            link = nil
            throw error
        }
    }

    private func connected(until deadline: ContinuousClock.Instant) throws(LeaseKeeperError) -> RedisLink {
        if let link { return link }
        let places = try places(until: deadline)
        do {
            let made = try RedisLink(address, over: try Dial.connect(places, until: deadline), until: deadline)
            link = made
            return made
        } catch let error as LeaseKeeperError {
            throw error
        } catch {
            throw LeaseKeeperError(
                "\(address): \(error); see whether the server runs and can be reached from here")
        }
    }

    private func places(until deadline: ContinuousClock.Instant) throws(LeaseKeeperError) -> [ServerPlace] {
        let asked = lookup ?? NameLookup(of: address.host, port: address.port)
        lookup = asked
        guard let found = asked.wait(until: deadline) else {
            throw LeaseKeeperError(
                "\(address): no address of that name in time; see whether its name server can be reached")
        }
        lookup = nil
        switch found {
        case .places(let places): return places
        case .unknown(let why):
            throw LeaseKeeperError("\(address): no address of that name: \(why); check the host of the lease's address")
        }
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
