import Foundation
import Logging
import ServiceLifecycle

/// The end of patience with a node that stops.
///
/// What a node waits for when it stops may never come, and nothing may interrupt the wait: a call into a client library
/// whose server's packets are lost blocks its thread for as long as a minute. A supervisor would kill the process by then.
/// Nothing is lost by ending it: what was accepted is synced in the log, and the next start goes on with it.
///
/// It is to be the last service of its group: they are asked to stop from the last to the first.
struct StopLimit: Service {
    let limit: Duration
    let logger: Logger

    func run() async throws {
        // Cancelled instead of asked to stop: something failed, and whoever watches the process is to see it.
        var code: Int32 = 0
        do { try await gracefulShutdown() } catch { code = 1 }
        let exitCode = code
        let (seconds, attoseconds) = limit.components
        let time = Double(seconds) + Double(attoseconds) / 1e18
        // A thread of its own: it must not wait for what is stuck.
        Thread.detachNewThread {
            Thread.sleep(forTimeInterval: time)
            logger.warning(
                "stopped without waiting any longer: a server does not answer; what is not stored is in the ingest log",
                metadata: ["after": "\(limit)"])
            _exit(exitCode)
        }
    }
}
