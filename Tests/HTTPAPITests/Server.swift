import Foundation
import HTTPAPI
import Logging
import NIOCore
import ServiceLifecycle
import Testing

struct NoPort: Error {}

/// Runs the API as the service it is, on a free port, until `body` returns.
func withServer<Value: Sendable>(
    _ api: HTTPAPI, _ body: (_ port: Int, _ services: ServiceGroup) async throws -> Value
) async throws -> Value {
    let (ports, port) = AsyncStream<Int>.makeStream()
    let services = ServiceGroup(
        configuration: .init(
            services: [.init(service: api.makeService { port.yield($0) }, successTerminationBehavior: .ignore)],
            logger: quietLogger))
    return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
            defer { port.finish() }
            try await services.run()
        }
        guard let bound = await ports.first(where: { _ in true }) else {
            try await group.waitForAll()
            throw NoPort()
        }
        do {
            let value = try await body(bound, services)
            await services.triggerGracefulShutdown()
            try await group.waitForAll()
            return value
        } catch {
            await services.triggerGracefulShutdown()
            throw error
        }
    }
}

/// Runs blocking calls on a thread that nobody else needs.
func onOwnThread<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        let thread = Thread { continuation.resume(with: Result { try work() }) }
        thread.start()
    }
}
