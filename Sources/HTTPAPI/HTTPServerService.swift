import Hummingbird
import NIOCore
import ServiceLifecycle

/// Runs the HTTP server within a service group, and says in words when its address cannot be had.
package struct HTTPServerService: Service, CustomStringConvertible {
    let application: Application<FrontDoor>
    let address: String

    package var description: String { "HTTP on \(address)" }

    package func run() async throws {
        do {
            try await application.run()
        } catch let error as IOError {
            throw HTTPAPIError.cannotListen(address: address, reason: error.description)
        }
    }
}
