import Foundation
import NodeHarness
import ServerHarness

/// What nodes say of their pruner.
extension NodeProcess {
    struct Pruner: Decodable, Hashable {
        let leader: String?
        let fencing_token: Int?
        let last_run: String?
        let last_result: String?
    }

    struct Decision: Decodable {
        let device_id: String?
        let decision: String
        let reason: String
        let fencing_token: Int?
    }

    struct Device: Decodable {
        let device_id: String
        let state: String
        let readings: Int
    }

    func pruner() throws -> Pruner {
        struct View: Decodable { let pruner: Pruner }
        return try decode(View.self, from: "/cluster").pruner
    }

    /// The newest first.
    func audit() throws -> [Decision] { try decode([Decision].self, from: "/audit?limit=10000") }

    func devices() throws -> [Device] { try decode([Device].self, from: "/devices") }

    func post(_ path: String) throws -> HTTPConnection.Answer {
        try HTTPConnection(port: port, at: place.network).ask("POST", path)
    }

    private func decode<Value: Decodable>(_ type: Value.Type, from path: String) throws -> Value {
        let answer = try get(path)
        guard answer.status == 200 else { throw HarnessError("\(path) answered \(answer.status): \(answer.text)") }
        return try JSONDecoder().decode(type, from: Data(answer.body))
    }
}

/// A flock over a real PostgreSQL and a real Redis server, with devices that report a few times a second until they are
/// told to be silent.
final class PrunedFlock {
    static let program = PostgresPrograms.found != nil && RedisServer.program != nil
    static let advice = "\(PostgresPrograms.advice) \(RedisServer.advice)"

    let server: PostgresServer
    let database: String
    let redis: RedisServer
    let folder: TemporaryFolder
    let flock: FlockProcess
    let devices: Feeder

    init(_ count: Int, _ arguments: [String], devices: Int = 20) throws {
        guard let programs = PostgresPrograms.found else { throw HarnessError(PostgresPrograms.advice) }
        server = try PostgresServer(programs)
        database = try server.database()
        redis = try RedisServer()
        folder = try TemporaryFolder()
        flock = try FlockProcess(count, folder: folder, moreArguments: arguments)
        flock.useAddress(server.address(database))
        flock.useLease(redis.address())
        self.devices = Feeder(devices)
    }

    deinit { devices.end() }

    /// Starts all nodes, then the devices.
    func start() throws {
        try flock.startAll()
        devices.ports = flock.running.map(\.port)
        devices.begin()
    }

    func node(_ name: String) -> NodeProcess? { flock.running.first { $0.place.name == name } }
    func index(_ name: String) -> Int { flock.places.firstIndex { $0.name == name } ?? 0 }

    /// Asks the nodes in turn until one names a leader that is wanted.
    func leader(
        within limit: Duration = .seconds(30), among nodes: [NodeProcess]? = nil,
        _ isWanted: (NodeProcess.Pruner) -> Bool = { $0.leader != nil }
    ) throws -> (name: String, token: Int) {
        let deadline = Deadline(in: limit)
        while !deadline.isPast {
            for node in nodes ?? flock.running {
                guard let seen = try? node.pruner(), isWanted(seen), let name = seen.leader,
                    let token = seen.fencing_token
                else { continue }
                return (name, token)
            }
        }
        throw HarnessError("no leader as wanted within \(limit)")
    }

    /// Tokens in the order in which acts under them were committed: they never go back.
    func tokensInOrder() throws -> [Int] {
        try server.run("SELECT fencing_token FROM audit WHERE fencing_token IS NOT NULL ORDER BY id", in: database)
            .split(separator: "\n").compactMap { Int($0) }
    }

    func count(_ sql: String) throws -> Int {
        let text = try server.run(sql, in: database).trimmingCharacters(in: .whitespacesAndNewlines)
        guard let count = Int(text) else { throw HarnessError("\(sql): \(text)") }
        return count
    }

    func wait(_ what: String, within limit: Duration = .seconds(60), _ isWanted: () throws -> Bool) throws {
        let deadline = Deadline(in: limit)
        while try !isWanted() {
            guard !deadline.isPast else { throw HarnessError("after \(limit) not \(what)") }
            flock.running.first?.process.nap(20)
        }
    }
}
