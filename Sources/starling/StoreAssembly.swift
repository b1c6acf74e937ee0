import Logging
import NodeSettings
import Ports
import PostgresStore
import SQLiteStore

/// Which adapter stands behind the address of a store.
enum StoreAssembly {
    /// - Parameter origin: where the address stands, for messages.
    static func make(
        _ address: StoreAddress, origin: String = Setting.store.flag, _ logger: Logger
    ) throws -> any Store {
        switch address {
        case .sqlite(let path): SQLiteStore(path: path, logger: logger)
        case .postgres(let url): PostgresStore(url: try parsed(url, origin), logger: logger)
        }
    }

    /// Who asks and tells whose the store is.
    static func keeper(_ address: StoreAddress, origin: String) throws -> any FlockKeeper {
        switch address {
        case .sqlite(let path): SQLiteFlockKeeper(path: path)
        case .postgres(let url):
            PostgresFlockKeeper(url: try parsed(url, origin), logger: Logger(label: "starling.flock"))
        }
    }

    private static func parsed(_ url: Secret, _ origin: String) throws -> PostgresURL {
        do { return try PostgresURL(url.revealed) } catch { throw Failure("\(origin): \(error)") }
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
