package import Ports
import ServiceLifecycle
import Telemetry

/// Keeps what this node knows of the flock's series in step with the store: looks at the start, and when many new ones
/// came in or one found no room.
package struct SeriesWatch: Service, CustomStringConvertible {
    let control: AdmissionControl
    let node: any NodeService

    package var description: String { "series watch" }

    private static let devicesPage = 5_000
    /// Between two looks, however many are refused meanwhile.
    private static let pause = Duration.seconds(10)

    package func run() async throws {
        guard control.hasLimit else {
            try? await gracefulShutdown()
            return
        }
        await cancelWhenGracefulShutdown { await watch() }
    }

    private func watch() async {
        var wants = control.updatesWanted.makeAsyncIterator()
        while !Task.isCancelled {
            // The store's own troubles are told by those who store.
            let wasAnswered = (try? await look()) != nil
            guard (try? await Task.sleep(for: Self.pause)) != nil else { return }
            if wasAnswered, await wants.next() == nil { return }
        }
    }

    package func look() async throws(StoreError) {
        control.learn(try await stored())
    }

    private func stored() async throws(StoreError) -> Set<UInt64> {
        var hashes: Set<UInt64> = []
        var last: DeviceID?
        repeat {
            let page = try await node.devices(after: last, limit: Self.devicesPage)
            for row in page {
                for metric in row.metrics {
                    hashes.insert(control.hash(of: Series(device: row.device, metric: metric)))
                }
            }
            last = page.count < Self.devicesPage ? nil : page.last?.device
        } while last != nil
        return hashes
    }
}
