import Logging
import NodeSettings
import Ports
import PostgresStore
import SQLiteStore

/// Which adapter stands behind the address of a store.
enum StoreAssembly {
    static func make(_ address: StoreAddress, _ logger: Logger) throws -> any Store {
        switch address {
        case .sqlite(let path): return SQLiteStore(path: path, logger: logger)
        case .postgres(let url):
            do { return PostgresStore(url: try PostgresURL(url.revealed), logger: logger) } catch {
                throw Failure("--store: \(error)")
            }
        }
    }

    /// A store that is away stops nothing; one that a person must look at stops the start.
    static func open(_ address: StoreAddress, _ logger: Logger) async throws -> any Store {
        let store = try make(address, logger)
        do {
            let flock = try await store.prepare()
            logger.info(
                "store",
                metadata: [
                    "kind": "\(store.kind.name)", "timescaledb": "\(store.kind.timescale)", "address": "\(address)",
                    "flock": "\(flock)",
                ])
        } catch {
            guard error.code == .unavailable else { throw error }
            logger.warning("the store does not answer yet", metadata: ["reason": "\(error)"])
        }
        return store
    }
}
