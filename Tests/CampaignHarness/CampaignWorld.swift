import Campaign
import Foundation
import NodeHarness
import ServerHarness

/// Nodes, servers and devices, each on a host of its own, and everything that may go wrong with them.
final class CampaignWorld {
    /// What a node is expected to do.
    enum Life: Hashable {
        case absent
        case running
        /// Asked to stop; it comes back.
        case stopping
        /// Asked to stop for good.
        case leaving
        case down
        case left
    }

    static let diskMebibytes = 32
    /// The least that a node takes: many small pieces, so that a full disk is soon felt.
    private static let logLimit = "16MiB"
    /// A node that stops gives its store a few seconds, more than these it may not need.
    static let stopLimit = Duration.seconds(20)
    /// Silent devices are hidden and deleted by these, within a campaign.
    static let pruneArguments = ["--prune-every", "1s", "--inactive-after", "15s", "--delete-after", "25s"]
    /// 32 bytes, as `openssl rand -base64 32` prints them.
    private static let key = "c3RhcmxpbmctdGVzdC1rZXktb2YtMzItYnl0ZXMhISE="

    /// What `starling drain` says when there was something to store.
    private static let drained = "All stored"

    let settings: CampaignSettings
    let folder: TemporaryFolder
    let hosts: NetworkNamespaces
    let server: PostgresServer
    let database: String
    let redis: RedisServer
    let flock: FlockProcess
    private(set) var lives: [Life]
    private(set) var violations: [Violation] = []
    private var disks: [SmallDisk]
    private let clocks: [StepClock]
    private let nodesCount: Int

    init(_ schedule: CampaignSchedule, _ settings: CampaignSettings) throws {
        guard let programs = PostgresPrograms.found else { throw HarnessError(PostgresPrograms.advice) }
        self.settings = settings
        nodesCount = schedule.nodesCountAtMost
        folder = try TemporaryFolder("starling-campaign-\(schedule.seed)", in: settings.folder)
        hosts = try NetworkNamespaces(nodesCount + 3)
        let places = hosts.places
        server = try PostgresServer(programs, at: places[nodesCount])
        database = try server.database()
        redis = try RedisServer(at: places[nodesCount + 1], keepsData: true)
        flock = try FlockProcess(
            networks: Array(places.prefix(nodesCount)), folder: folder, binary: settings.binary,
            moreArguments: ["--cluster-key", Self.key, "--insecure-open", "--log-limit", Self.logLimit]
                + Self.pruneArguments)
        flock.useAddress(server.address(database))
        flock.useLease(redis.address())
        let folder = folder
        clocks = try (0..<nodesCount).map {
            try StepClock(at: folder.file("n\($0)/clock"), library: settings.clockLibrary)
        }
        disks = try (0..<nodesCount).map {
            try SmallDisk(at: folder.file("n\($0)/data"), mebibytes: Self.diskMebibytes)
        }
        lives = Array(repeating: .absent, count: nodesCount)
        for index in 0..<nodesCount {
            try flock.configure(index) { place in
                place.httpPort = try LoopbackPort.free()
                place.environment = clocks[index].environment
            }
        }
    }

    deinit {
        // Nodes before their disks, and those before the folder that they are mounted in.
        for index in flock.nodes.indices { flock.kill(index) }
        disks = []
    }

    func startNodes(_ count: Int) throws {
        for index in 0..<count { lives[index] = .running }
        try flock.start(0..<count)
        try flock.wait("\(count) alive on one ring") { views in
            views.allSatisfy { $0.alive.count == count } && Set(views.map(\.ring.digest)).count == 1
        }
    }

    var devicesPlace: NetworkPlace { hosts.places[nodesCount + 2] }

    /// Where devices send: all nodes, also those that are not there yet or not any more.
    var addresses: [String] {
        flock.places.map { "http://\($0.network.address):\($0.httpPort ?? 0)" }
    }

    /// Nodes that are expected to answer.
    var running: [NodeProcess] {
        flock.nodes.indices.compactMap { lives[$0] == .running ? flock.nodes[$0] : nil }
    }

    // MARK: Acts

    func perform(_ act: Act) throws {
        switch act {
        case .kill(let node): kill(node)
        case .start(let node): try start(node)
        case .join(let node): try begin(node)
        case .stop(let node): ask(node, to: .stopping)
        case .leave(let node): ask(node, to: .leaving)
        case .freeze(let node): flock.nodes[node]?.process.send(SIGSTOP)
        case .thaw(let node): flock.nodes[node]?.process.send(SIGCONT)
        case .cut(let ways): for way in ways { try hosts.cut(from: index(way.from), to: index(way.to)) }
        case .mend(let ways): for way in ways { try hosts.mend(from: index(way.from), to: index(way.to)) }
        case .lose(let node, let percent): try hosts.lose(Double(percent) / 100, from: node)
        case .loseNoMore(let node, let percent): try hosts.loseNoMore(Double(percent) / 100, from: node)
        case .fillDisk(let node): try disks[node].fill()
        case .freeDisk(let node): try disks[node].free()
        case .killDatabase: server.kill()
        case .startDatabase: try server.start()
        case .killRedis: redis.kill()
        case .startRedis(let emptied): try redis.start(emptied: emptied)
        case .setClock(let node, let seconds): clocks[node].set(secondsAhead: seconds)
        }
    }

    private func index(_ host: Machine) -> Int {
        switch host {
        case .node(let node): node
        case .database: nodesCount
        case .redis: nodesCount + 1
        case .devices: nodesCount + 2
        }
    }

    private func begin(_ node: Int) throws {
        try flock.begin(node)
        lives[node] = .running
    }

    private func kill(_ node: Int) {
        // Not one that just ended by itself.
        watch()
        flock.kill(node)
        lives[node] = .down
    }

    private func ask(_ node: Int, to life: Life) {
        watch()
        flock.nodes[node]?.process.send(SIGTERM)
        lives[node] = life
    }

    private func start(_ node: Int) throws {
        if lives[node] == .stopping { expectEnd(of: node) }
        try begin(node)
    }

    /// Waits for a node that was asked to stop.
    private func expectEnd(of node: Int) {
        guard let process = flock.nodes[node]?.process else { return }
        if let exit = process.wait(Self.stopLimit) {
            if exit != .code(0) { violations.append(Violation(.nodesStop, "n\(node) ended with \(exit)")) }
        } else {
            violations.append(Violation(.nodesStop, "n\(node) still ran \(Self.stopLimit) after SIGTERM"))
        }
        flock.kill(node)
        lives[node] = .down
    }

    /// Notes nodes that ended by themselves, and starts them again, so that what they hold is seen.
    func watch() {
        for index in lives.indices where lives[index] == .running {
            guard let node = flock.nodes[index], !node.process.isRunning else { continue }
            let exit = node.process.exit.map { "\($0)" } ?? "?"
            let last = node.log.split(separator: "\n").suffix(3).joined(separator: " | ")
            violations.append(Violation(.nodesRun, "n\(index): \(exit): \(last.suffix(800))"))
            settings.tell("n\(index) ended by itself: \(exit)")
            do { try flock.begin(index) } catch { lives[index] = .down }
        }
    }

    /// Waits for those that left for good.
    func seeLeaversOff() {
        for index in lives.indices where lives[index] == .leaving {
            expectEnd(of: index)
            lives[index] = .left
        }
    }

    /// As an operator does with a node that does not come back and whose log is not empty.
    /// - Returns: of how many logs it stored something.
    func drainLeavers() throws -> Int {
        var count = 0
        for index in lives.indices where lives[index] == .left {
            let place = flock.places[index]
            let command = place.network.prefix + [place.binary, "drain", "--data-dir", place.dataFolder]
            let environment = Programs.plainEnvironment().merging(["STARLING_STORE": place.store ?? ""]) { $1 }
            let result = try ChildProcess.run(command[0], Array(command.dropFirst()), environment: environment)
            settings.tell("drain of n\(index): \(result.output)")
            guard result.exit == .code(0) else {
                throw HarnessError("starling drain of n\(index): \(result.exit) \(result.errors)")
            }
            if result.output.contains(Self.drained) { count += 1 }
        }
        return count
    }

    /// What a failure leaves for whoever looks for its cause.
    func keep() {
        folder.keep()
        for index in disks.indices {
            _ = try? disks[index].free()
            let kept = folder.file("n\(index)/data-kept")
            _ = try? ChildProcess.run("/bin/cp", ["-a", disks[index].path, kept])
        }
    }
}
