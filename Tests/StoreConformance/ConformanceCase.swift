package import Ports
import Testing

/// Where the stores of one case keep their data: fresh and empty, and gone after it.
package struct StorePlace: Sendable {
    /// A store of another node over the same data; not prepared yet.
    package let open: @Sendable () -> any Store
    /// Somebody who asks whose it is.
    package let keeper: @Sendable () -> any FlockKeeper

    package init(open: @escaping @Sendable () -> any Store, keeper: @escaping @Sendable () -> any FlockKeeper) {
        self.open = open
        self.keeper = keeper
    }

    func prepared() async throws -> any Store {
        let store = open()
        _ = try await store.prepare()
        return store
    }
}

/// One thing that every `Store` does alike. An adapter's tests run them all:
///
///     @Test(arguments: ConformanceCase.all) func conforms(_ one: ConformanceCase) async throws {
///         try await withFreshPlace { try await one.run($0) }
///     }
package struct ConformanceCase: Sendable, CustomTestStringConvertible {
    package let testDescription: String
    package let run: @Sendable (StorePlace) async throws -> Void

    /// A case with one store.
    init(_ description: String, _ run: @escaping @Sendable (any Store) async throws -> Void) {
        self.init(stores: description) { place in
            let store = try await place.prepared()
            do {
                try await run(store)
            } catch {
                await store.close()
                throw error
            }
            await store.close()
        }
    }

    init(stores description: String, _ run: @escaping @Sendable (StorePlace) async throws -> Void) {
        testDescription = description
        self.run = run
    }

    package static let all =
        identity + keepers + commits + writers + ledgers + deletions + latestRows + histories + anomalies + devices
        + models
        + concurrency + elections + runs + silent + pruned + retention + silences + alerts + mutes
}
