package import Ports
package import Telemetry

/// The store as `PruneStore` describes it, a value: what the pruner's tests drive it with, and what the adapters are held
/// against.
package struct VirtualPruneStore: Sendable {
    package struct Device: Hashable, Sendable {
        package var lastHeard: Instant
        package var restored = Instant.distantPast
        package var isHidden = false
        package var readings: UInt64
        package var usualInterval: Int64 = 0

        package init(lastHeard: Instant, readings: UInt64) {
            self.lastHeard = lastHeard
            self.readings = readings
        }

        var heard: Instant { max(lastHeard, restored) }
    }

    /// The store's clock.
    package var now: Instant
    package var devices: [DeviceID: Device] = [:]
    package private(set) var tombstones: [DeviceID: Instant] = [:]
    package private(set) var ticks: [Tick] = []
    package private(set) var audit: [AuditRow] = []
    /// Runs that began, for tests.
    package private(set) var runs: [Instant] = []
    package private(set) var token = FencingToken(0)
    private var holder = ""
    private var lastRun: Instant?
    private var lastResult: String?
    private var waiting: Waiting?
    private var approved: Approval?
    /// Planted: what a store must not leave out.
    package var faults: Set<PlantedPruneFault> = []
    /// Old readings cannot be dropped.
    package var dropFailure: StoreError?

    package init(now: Instant) {
        self.now = now
    }

    /// A reading of the device was stored, and its owner told that it was heard.
    /// - Parameter interval: its usual one, in microseconds.
    package mutating func hear(_ device: DeviceID, every interval: Int64 = 0) {
        var known = devices[device] ?? Device(lastHeard: now, readings: 0)
        known.lastHeard = now
        known.usualInterval = interval
        known.isHidden = false
        devices[device] = known
    }

    /// A reading was stored.
    package mutating func store(_ device: DeviceID) {
        devices[device, default: Device(lastHeard: now, readings: 0)].readings += 1
    }

    // MARK: The port

    package mutating func elect(_ holder: String) -> FencingToken {
        token = FencingToken(token.number + 1)
        self.holder = holder
        return token
    }

    private func check(_ token: FencingToken) throws(StoreError) {
        guard token == self.token || faults.contains(.anyToken) else {
            throw .fenced(token, newest: self.token)
        }
    }

    package mutating func beginRun(_ token: FencingToken, every period: Int64) throws(StoreError) -> RunTurn {
        try check(token)
        if let wait = RunTurn.wait(since: lastRun, now: now, period: period) { return .early(wait) }
        lastRun = now
        runs.append(now)
        return .begun(RunStart(time: now, lastTick: ticks.last, approved: approved))
    }

    package func tick(atMost total: Int64) -> Tick? { ticks.last { $0.total <= total } }

    package func census(_ query: CensusQuery) -> Census {
        devices.values.reduce(into: Census()) {
            $0.count(query.standing(heard: $1.heard, usualInterval: $1.usualInterval))
        }
    }

    package func silentDevices(heardThrough time: Instant, isHidden: Bool?, limit: Int) -> [SilentDevice] {
        let silent = devices.filter { $0.value.heard <= time && $0.value.isHidden == isHidden ?? $0.value.isHidden }
            .sorted { ($0.value.heard, $0.key) < ($1.value.heard, $1.key) }
        return silent.prefix(limit).map {
            SilentDevice(
                device: $0.key, lastHeard: $0.value.heard, readings: $0.value.readings, isHidden: $0.value.isHidden)
        }
    }

    package mutating func write(_ tick: Tick, keepingFrom oldest: Int64, _ token: FencingToken) throws(StoreError) {
        try check(token)
        ticks.append(tick)
        ticks.sort { ($0.total, $0.through) < ($1.total, $1.through) }
        while ticks.count > 1, ticks[1].total < oldest { ticks.removeFirst() }
    }

    package mutating func takeBackTicks(after time: Instant, _ token: FencingToken) throws(StoreError) {
        try check(token)
        ticks.removeAll { $0.through > time }
    }

    package mutating func hide(
        heardThrough time: Instant, limit: Int, reason: String, _ token: FencingToken
    ) throws(StoreError) -> [DeviceID] {
        try check(token)
        let found = devices.filter { !$0.value.isHidden && $0.value.heard <= time }.keys.sorted().prefix(limit)
        for device in found {
            devices[device]?.isHidden = true
            note(.hide, device, reason, token)
        }
        return Array(found)
    }

    package mutating func delete(
        _ silent: [SilentDevice], reason: String, _ token: FencingToken
    ) throws(StoreError) -> [Tombstone] {
        try check(token)
        var deleted: [Tombstone] = []
        for one in silent {
            guard let known = devices[one.device] else { continue }
            let isUntouched = known.heard == one.lastHeard && known.readings == one.readings
            guard isUntouched || faults.contains(.deletedUnchecked) else { continue }
            let wanted = faults.contains(.tombstoneNow) ? now : one.tombstone(at: now).time
            let time = max(wanted, tombstones[one.device] ?? .distantPast)
            tombstones[one.device] = time
            devices[one.device] = nil
            note(.delete, one.device, reason, token)
            deleted.append(Tombstone(device: one.device, time: time))
        }
        return deleted
    }

    package func dropReadings(
        before time: Instant, after cursor: RetentionCursor?, _ token: FencingToken
    ) throws(StoreError) -> RetentionPart {
        try check(token)
        if let dropFailure { throw dropFailure }
        return RetentionPart(dropped: 0, next: nil)
    }

    package mutating func endRun(_ result: String, waiting: Waiting?, _ token: FencingToken) throws(StoreError) {
        try check(token)
        if let waiting, waiting.reason != self.waiting?.reason { note(.wait, nil, waiting.reason, token) }
        lastResult = result
        self.waiting = waiting
    }

    package mutating func failRun(_ result: String, _ token: FencingToken) throws(StoreError) {
        try check(token)
        lastResult = result
    }

    package mutating func revoke(_ members: [String], _ token: FencingToken) throws(StoreError) {
        try check(token)
        guard let known = approved else { return }
        approved = Approval(
            heardThrough: known.heardThrough, members: known.members.filter { !members.contains($0) })
        for member in members { note(.revoke, nil, AuditRow.revocation(of: member), token) }
    }

    package mutating func approve(_ reason: String? = nil) -> Waiting? {
        guard let waiting, waiting.approval.ifAny != nil else { return nil }
        guard reason ?? waiting.reason == waiting.reason else { return waiting }
        let before = approved ?? Approval()
        let through = [before.heardThrough, waiting.approval.heardThrough].compactMap(\.self).max()
        approved = Approval(
            heardThrough: through, members: Set(before.members + waiting.approval.members).sorted())
        note(.approve, nil, waiting.reason, nil)
        return waiting
    }

    package mutating func restore(_ device: DeviceID) -> Instant? {
        guard devices[device] != nil else { return nil }
        devices[device]?.isHidden = false
        devices[device]?.restored = now
        note(.restore, device, "asked for", nil)
        return now
    }

    package var job: JobRow? {
        guard token.number > 0 else { return nil }
        return JobRow(
            token: token, holder: holder, lastRun: lastRun, lastResult: lastResult, waiting: waiting,
            lastTick: ticks.last)
    }

    private mutating func note(
        _ decision: AuditRow.Decision, _ device: DeviceID?, _ reason: String, _ token: FencingToken?
    ) {
        audit.append(
            AuditRow(time: now, job: "prune", device: device, decision: decision, reason: reason, token: token))
    }
}

/// What a store, or the flock around it, could get wrong: a world must find each.
package enum PlantedPruneFault: String, CaseIterable, Sendable {
    /// An older token is taken, too.
    case anyToken
    /// A device is deleted though it was heard or stored since it was looked at.
    case deletedUnchecked
    /// What is on its way while a device is deleted is thrown away.
    case tombstoneNow
    /// Members say that they told the store whom they heard, and did not.
    case unsettled
    /// Members that are away are left out of the report.
    case outageUnseen
    /// A backlog is called none.
    case backlogUnseen
}
