package import Campaign
import Foundation
import NodeHarness
import Telemetry

/// One campaign from nothing to its report.
package struct CampaignRun {
    private let schedule: CampaignSchedule
    private let settings: CampaignSettings
    private let world: CampaignWorld
    private let rows: StoreRows
    private var report: CampaignReport

    private static let napMilliseconds: Int32 = 20
    /// Longest that the ghosts' few messages take.
    private static let ghostsLimit = Duration.seconds(30)
    /// After the last fault: nodes are ready, see each other and agree on the ring.
    private static let agreementLimit = Duration.seconds(60)
    /// Then ghosts are hidden and deleted: silence counts while all are well, and after a break it is watched anew.
    private static let pruningLimit = Duration.seconds(120)
    /// After the last reading: everything is stored, and every node tells the same.
    private static let settlingLimit = Duration.seconds(60)

    /// - Throws: what keeps it from being made at all; a broken promise is in the report.
    package static func run(
        _ schedule: CampaignSchedule, _ settings: CampaignSettings
    ) throws -> CampaignReport {
        let start = ContinuousClock.now
        var run = CampaignRun(schedule, settings, try CampaignWorld(schedule, settings))
        do {
            try run.make()
        } catch let interrupted as Interrupted {
            throw interrupted
        } catch {
            run.keepFolder()
            throw HarnessError("\(error) (see \(run.world.folder.path))")
        }
        run.report.seconds = (ContinuousClock.now - start) / .seconds(1)
        if !run.report.isGood {
            run.keepFolder()
            run.report.folder = run.world.folder.path
        }
        return run.report
    }

    private init(_ schedule: CampaignSchedule, _ settings: CampaignSettings, _ world: CampaignWorld) {
        self.schedule = schedule
        self.settings = settings
        self.world = world
        rows = StoreRows(server: world.server, database: world.database)
        report = CampaignReport(schedule)
    }

    private func keepFolder() {
        world.keep()
        rows.dump(to: world.folder.path)
        let path = world.folder.path
        try? Data("\(schedule)\n\(report.table)\n".utf8).write(to: URL(filePath: path + "/campaign.txt"))
    }

    private mutating func make() throws {
        try world.startNodes(schedule.nodesCount)
        let interval = "\(settings.intervalSeconds)"
        let ghosts = try Devices(
            "ghosts", ["--devices", "\(settings.ghostsCount)", "--interval", "0.5", "--count", "6", "--seed", "2"],
            in: world)
        let devices = try Devices(
            "devices", ["--devices", "\(settings.devicesCount)", "--interval", interval], in: world)
        let watch = LeaderWatch(
            rows,
            world.flock.places.compactMap { place in place.httpPort.map { .init(network: place.network, port: $0) } })
        defer { _ = watch.end() }
        let begin = ContinuousClock.now
        if !wait(Self.ghostsLimit, { !ghosts.isRunning }) || !ghosts.isDone {
            report.violations.append(Violation(.devicesSent, "those that were to stop early: \(ghosts.lastWords)"))
        }
        for timed in schedule.acts {
            try pass(until: begin + .milliseconds(timed.time))
            settings.tell("\(Self.seconds(since: begin)) s  \(timed.act)")
            try world.perform(timed.act)
        }
        try pass(until: begin + .milliseconds(schedule.milliseconds))
        settings.tell("\(Self.seconds(since: begin)) s  no more faults")
        world.seeLeaversOff()
        expectAgreement()
        // A leaver that could not reach the store keeps the rest in its log, and nobody else may know of it.
        report.drained = try world.drainLeavers()
        expectGhostsPruned(try Self.names(in: ghosts.recorded()))
        if !devices.isRunning || !devices.stop() {
            report.violations.append(Violation(.devicesSent, "the devices ended by themselves: \(devices.lastWords)"))
        }
        settings.tell("\(Self.seconds(since: begin)) s  the devices are silent")
        settle()
        try check([devices, ghosts], ghosts: try Self.names(in: ghosts.recorded()), watch.end())
    }

    private static func names(in record: String) throws -> Set<DeviceID> {
        var readings = SentReadings()
        try readings.add(record)
        return readings.devices
    }

    private static func seconds(since begin: ContinuousClock.Instant) -> String {
        "\((((ContinuousClock.now - begin) / .seconds(1)) * 10).rounded() / 10)"
    }

    // MARK: Waiting

    private func pass(until time: ContinuousClock.Instant) throws {
        repeat {
            guard !settings.isInterrupted() else { throw Interrupted() }
            world.watch()
            nap()
        } while ContinuousClock.now < time
    }

    private func nap() {
        var nothing = pollfd(fd: -1, events: 0, revents: 0)
        poll(&nothing, 1, Self.napMilliseconds)
    }

    /// - Returns: false if it did not come about in time.
    private func wait(_ limit: Duration, _ holds: () throws -> Bool) -> Bool {
        let deadline = Deadline(in: limit)
        while !deadline.isPast, !settings.isInterrupted() {
            if (try? holds()) == true { return true }
            world.watch()
            nap()
        }
        return false
    }

    // MARK: Healing

    private mutating func expectAgreement() {
        let names = schedule.lastMembers.map { "n\($0)" }.sorted()
        let world = world
        let agreed = wait(Self.agreementLimit) {
            let views = try world.running.map { try FlockProcess.view(of: $0) }
            return views.count == names.count && views.allSatisfy { $0.alive.sorted() == names }
                && Set(views.map(\.ring.digest)).count == 1
        }
        guard !agreed else { return }
        let seen = world.running.map { node in
            guard let view = try? FlockProcess.view(of: node) else { return "\(node.place.name) does not answer" }
            return "\(view.node) sees \(view.members.map { "\($0.name) \($0.status)" }), ring \(view.ring.digest)"
        }
        report.violations.append(
            Violation(.nodesAgree, "expected \(names) within \(Self.agreementLimit): \(seen.joined(separator: "; "))"))
    }

    /// While devices send: of a fleet that is silent as a whole nobody is pruned.
    private func expectGhostsPruned(_ ghosts: Set<DeviceID>) {
        let rows = rows
        // What is left then is told by the check of the audit.
        if !wait(Self.pruningLimit, { try rows.deletedDevices(among: ghosts) == ghosts }) {
            settings.tell("not all that fell silent for good were deleted within \(Self.pruningLimit)")
        }
    }

    private func ledgers() throws -> [(name: String, ledger: NodeLedger)] {
        try world.running.map { node in
            guard let ledger = try FlockProcess.view(of: node, all: true).ledger_all else {
                throw HarnessError("\(node.place.name) sums no ledger")
            }
            return (node.place.name, ledger)
        }
    }

    private func settle() {
        // What is left then is told by the check of the ledger.
        _ = wait(Self.settlingLimit) { try ledgers().allSatisfy { $0.ledger.pending == 0 && $0.ledger.orphaned == 0 } }
    }

    // MARK: Checking

    private mutating func check(_ devices: [Devices], ghosts: Set<DeviceID>, _ seen: LeaderWatch.Seen) throws {
        var readings = SentReadings()
        for one in devices { try readings.add(one.recorded()) }
        let stored = try rows.readings()
        let deleted = try rows.deletedDevices(among: ghosts)
        let audit = try rows.audit()
        report.sent = readings.sent.count
        report.accepted = readings.accepted.count
        report.stored = stored.count
        report.elections = Set(seen.minted.map(\.token)).count
        report.pruned = deleted.count
        var found = Checks.stored(stored, of: readings, deleted: deleted)
        found += Checks.pruner(audit: audit, ghosts: ghosts, minted: seen.minted, told: Array(seen.told))
        if readings.accepted.isEmpty { found.append(Violation(.devicesSent, "nothing was ever accepted")) }
        let deletedRows = readings.sent.count { deleted.contains($0.series.device) }
        let all = try rows.checkpoints()
        report.duplicates = all.duplicates
        found += Checks.checkpoints(
            all, rows: stored.count, deletedRows: deletedRows, accepted: readings.accepted.count)
        let members = try rows.checkpoints(of: schedule.lastMembers.map { "n\($0)" })
        found += books(members)
        found += latest(stored)
        found += nodes()
        report.violations += found + world.violations
    }

    /// Every node's sum, once all are right, or as they are in the end: a member that answers late is left out of one.
    private func books(_ members: Checks.Ledger) -> [Violation] {
        var found: [Violation] = []
        _ = wait(Self.settlingLimit) {
            found = try ledgers().flatMap { Checks.ledger(Checks.Ledger($0.ledger), of: $0.name, members: members) }
            return found.isEmpty
        }
        return found
    }

    /// Every node's `/latest`, once all of them tell what is stored, or as it is in the end.
    private func latest(_ stored: [Reading]) -> [Violation] {
        var found: [Violation] = []
        _ = wait(Self.settlingLimit) {
            found = try world.running.flatMap { node in
                Checks.latest(try Answers.latest(of: node), of: node.place.name, stored: stored, hidden: [])
            }
            return found.isEmpty
        }
        return found
    }

    private func nodes() -> [Violation] {
        var found: [Violation] = []
        for index in world.lives.indices where world.lives[index] != .absent {
            let name = "n\(index)"
            let log = FileManager.default.contents(atPath: world.flock.places[index].logFile) ?? Data()
            found += Checks.log(String(decoding: log, as: UTF8.self), of: name)
        }
        let members = schedule.lastMembers
        for index in members {
            let answer = try? world.flock.nodes[index]?.get("/readyz")
            guard answer?.status != 200 else { continue }
            let told = answer.map { "\($0.status) \($0.text.prefix(200))" } ?? "no answer"
            found.append(Violation(.nodesAreReady, "n\(index): \(told)"))
        }
        return found
    }
}

extension Checks.Ledger {
    init(_ ledger: NodeLedger) {
        self.init(
            accepted: ledger.accepted, stored: ledger.stored, pending: ledger.pending, duplicates: ledger.duplicates,
            discarded: ledger.discarded, damaged: ledger.damaged, orphaned: ledger.orphaned)
    }
}
