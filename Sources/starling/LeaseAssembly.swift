import FileLease
import Foundation
import Lease
import NodeSettings
import Ports
import Pruning
import RedisLease
import Roles
import Telemetry

/// Which adapter keeps the pruner's lease, and the pruner's rules as the operator set them.
enum LeaseAssembly {
    /// - Throws: `Failure` if the address cannot be used: what is wrong with it and what to do.
    static func scheduling(_ settings: NodeSettings) throws -> Scheduling {
        let limits = LeaseLimits(ttl: settings.leaseTTL.microseconds)
        return Scheduling(
            rules: PruneRules(
                period: settings.pruneEvery.microseconds, inactiveAfter: settings.inactiveAfter.microseconds,
                deleteAfter: settings.deleteAfter?.microseconds, retention: settings.retention?.microseconds),
            limits: limits, trainEvery: settings.trainEvery?.microseconds,
            makeKeeper: try keeper(settings.lease, limits))
    }

    private static func keeper(
        _ address: LeaseAddress, _ limits: LeaseLimits
    ) throws -> @Sendable (FlockID) -> any LeaseKeeper {
        switch address {
        case .file(let path):
            return { flock in
                // What cannot be made is told by the lease itself, which tries again.
                let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
                try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
                return FileLease(path: path, flock: "\(flock)")
            }
        case .redis(let url):
            let place: RedisURL
            do {
                place = try RedisURL(url.revealed)
                try place.check()
            } catch {
                throw Failure("--lease: \(error)")
            }
            return { flock in RedisLease(place, key: "\(flock)", limits: limits) }
        }
    }
}
