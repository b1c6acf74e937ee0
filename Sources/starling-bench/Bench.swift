import NodeHarness

/// What every family of figures is told.
struct Bench {
    let binary: String?
    let folder: String?
    let runs: Int
    let seconds: Int
    let readings: Int
    /// `postgres://…` of a user who may create databases; nil is the embedded store.
    var store: String?

    func starling() throws -> String {
        try binary ?? Programs.starling()
    }

    /// A folder on the disk to measure.
    func makeFolder() throws -> TemporaryFolder {
        try TemporaryFolder("starling-bench", in: folder)
    }

    /// - Parameter database: its store; nil is a file in `folder`.
    func startNode(in folder: TemporaryFolder, database: BenchDatabase? = nil) throws -> NodeProcess {
        var place = NodeProcess.Place(binary: try starling(), folder: folder.path)
        place.store = database?.address
        return try NodeProcess.ready(at: place)
    }

    /// A fresh one where `--store` says; nil for the embedded store.
    func makeDatabase() throws -> BenchDatabase? {
        try store.map { try BenchDatabase(at: $0) }
    }

    /// Runs ours and the peer in turn, so that both see the same weather.
    /// - Parameter body: one run of both; larger is better in neither or both.
    /// - Returns: what each run gave, in order.
    func pairs(
        _ name: String, ours: () throws -> Double, peer: () throws -> Double
    ) rethrows -> [(ours: Double, peer: Double)] {
        try (1...runs).map { run in
            Report.note("\(name): \(run) of \(runs)")
            // Who goes first changes, so that neither always finds the caches warm.
            if run % 2 == 1 {
                let ours = try ours()
                return (ours, try peer())
            }
            let peer = try peer()
            return (try ours(), peer)
        }
    }
}
