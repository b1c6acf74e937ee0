import GRDB
import Ports

/// Runs reads on the pool's own threads, each on one snapshot of the file.
struct Readers: Sendable {
    let pool: DatabasePool
    let path: String

    /// GRDB's own `async` reads end with the caller's task; a store call ends with the store, so this is a continuation
    /// around its callback form.
    func read<T: Sendable>(
        _ doing: String, _ body: @escaping @Sendable (Connection) throws(StoreError) -> T
    ) async throws(StoreError) -> T {
        let result: Result<T, StoreError> = await withCheckedContinuation { continuation in
            pool.asyncRead { database in
                do {
                    continuation.resume(returning: .success(try body(Connection(database.get().sqliteConnection))))
                } catch {
                    continuation.resume(returning: .failure(.wrapping(error, doing: "\(doing) from \(path)")))
                }
            }
        }
        return try result.get()
    }
}
