import Ports
import Telemetry
import Testing

extension ConformanceCase {
    static let elections: [ConformanceCase] = [
        .init(stores: "every token is larger than those before it", tokensGrow),
        .init("a token that is not the newest can do nothing", staleTokens),
        .init(stores: "what two nodes do with tokens is in the order of the tokens", twoLeaders),
    ]

    private static func tokensGrow(_ place: StorePlace) async throws {
        let one = try await place.prepared()
        #expect(try await one.job() == nil)
        var tokens = [try await one.elect("n1"), try await one.elect("n2")]
        let job = try #require(try await one.job())
        let expected = JobRow(
            token: tokens[1], holder: "n2", lastRun: nil, lastResult: nil, waiting: nil, lastTick: nil)
        #expect(job == expected)
        await one.close()
        let stores = [try await place.prepared(), try await place.prepared()]
        tokens.append(try await stores[0].elect("n3"))
        for token in zip(tokens, tokens.dropFirst()) { #expect(token.0 < token.1) }
        let minted = try await withThrowingTaskGroup(of: [FencingToken].self) { group in
            for store in stores {
                group.addTask {
                    var minted: [FencingToken] = []
                    for _ in 0..<20 { minted.append(try await store.elect("n")) }
                    return minted
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        for some in minted { #expect(some == some.sorted()) }
        #expect(Set(minted.joined()).count == 40)
        #expect(minted.joined().allSatisfy { $0 > tokens[2] })
        for store in stores { await store.close() }
    }

    /// All that can be seen from outside.
    private struct View: Equatable {
        let job: JobRow?
        let audit: [AuditRow]
        let devices: [DeviceRow]
        let silent: [SilentDevice]
        let points: [HistoryPoint]

        init(_ store: any Store, _ series: Series) async throws {
            job = try await store.job()
            audit = try await store.audit(limit: 1_000)
            devices = try await store.devices(after: nil, limit: 1_000)
            silent = try await store.silentDevices(heardThrough: .distantFuture, limit: 1_000)
            points = try await store.wholeHistory(of: series)
        }
    }

    private static func staleTokens(_ store: any Store) async throws {
        let series = Make.series("d")
        try await store.append(Make.readings(series, 0..<5))
        let silent = try await store.silentDevices(heardThrough: .distantFuture, limit: 10)
        let never = FencingToken(1)
        try await expectFenced(store, silent, by: never, newest: FencingToken(0), series)
        let old = try await store.elect("n0")
        try await store.write(Tick(through: Make.time(0), total: 0), keepingFrom: 0, old)
        let new = try await store.elect("n1")
        for token in [old, FencingToken(new.number + 1), FencingToken(0), FencingToken(.max)] {
            try await expectFenced(store, silent, by: token, newest: new, series)
        }
        #expect(store.isReachable)
        // The newest can do all of it.
        for (_, act) in acts(silent) { try await act(store, new) }
        #expect(try await store.device(series.device) == nil)
    }

    private typealias Act = @Sendable (any Store, FencingToken) async throws -> Void

    private static func acts(_ silent: [SilentDevice]) -> [(String, Act)] {
        [
            ("begin", { _ = try await $0.beginRun($1, every: 0) }),
            ("tick back", { try await $0.takeBackTicks(after: .distantPast, $1) }),
            ("tick", { try await $0.write(Tick(through: Make.time(9), total: 9), keepingFrom: .max, $1) }),
            ("hide", { _ = try await $0.hide(heardThrough: .distantFuture, limit: 10, reason: "r", $1) }),
            ("drop", { _ = try await $0.dropReadings(before: Make.time(86_400_000), after: nil, $1) }),
            ("delete", { _ = try await $0.delete(silent, reason: "r", $1) }),
            ("fail", { try await $0.failRun("failed", $1) }), ("revoke", { try await $0.revoke(["a 1"], $1) }),
            (
                "end",
                { try await $0.endRun("done", waiting: Waiting(reason: "r", approval: Approval()), $1) }
            ),
        ]
    }

    private static func expectFenced(
        _ store: any Store, _ silent: [SilentDevice], by token: FencingToken, newest: FencingToken, _ series: Series
    ) async throws {
        let before = try await View(store, series)
        for (name, act) in acts(silent) {
            do {
                try await act(store, token)
                Issue.record("\(name) with \(token) should be refused")
            } catch let error as StoreError {
                #expect(error.code == .fenced(newest: newest), "\(name)")
                #expect(error.message.contains("token \(token) ") && error.message.contains(" \(newest):"), "\(name)")
            }
        }
        let after = try await View(store, series)
        #expect(after == before)
    }

    private static func twoLeaders(_ place: StorePlace) async throws {
        let stores = [try await place.prepared(), try await place.prepared()]
        let done = try await withThrowingTaskGroup(of: Int.self) { group in
            for (number, store) in stores.enumerated() {
                group.addTask {
                    var done = 0
                    for step in 0..<15 {
                        let token = try await store.elect("n\(number)")
                        for act in 0..<3 {
                            let waiting = Waiting(reason: "\(number) \(step) \(act)", approval: Approval())
                            let code = try await code { try await store.endRun("done", waiting: waiting, token) }
                            if code == nil { done += 1 } else { #expect(code?.isAnswer == true) }
                        }
                    }
                    return done
                }
            }
            return try await group.reduce(0, +)
        }
        let audit = try await stores[0].audit(limit: 1_000)
        #expect(audit.count == done)
        #expect(audit.allSatisfy { $0.decision == .wait && $0.device == nil && $0.job == "prune" })
        let tokens = audit.compactMap(\.token)
        #expect(tokens.count == done && tokens == tokens.sorted(by: >))
        for store in stores { await store.close() }
    }

    // MARK: Runs

    static let runs: [ConformanceCase] = [
        .init(stores: "at most one run begins in a period", oneRun),
        .init("ticks are kept as long as they are of use", ticks),
        .init("waiting is told once, and what was approved is kept", waiting),
        .init("of very many approved members the newest are kept", manyApproved),
        .init("a run that failed waits with what the last one waited with", failed),
        .init("who is back needs another approval", revoked),
        .init("the audit is told newest first", auditOrder),
    ]

    private static func start(_ turn: RunTurn) -> RunStart? {
        if case .begun(let start) = turn { start } else { nil }
    }

    private static func oneRun(_ place: StorePlace) async throws {
        let stores = [try await place.prepared(), try await place.prepared()]
        let hour: Int64 = 3_600_000_000
        let token = try await stores[0].elect("n0")
        let first = try #require(start(try await stores[0].beginRun(token, every: hour)))
        #expect(first.lastTick == nil && first.approved == nil)
        #expect(try await stores[1].job()?.lastRun == first.time)
        for store in stores {
            let token = try await store.elect("n1")
            guard case .early(let wait) = try await store.beginRun(token, every: hour) else {
                Issue.record("a second run began")
                continue
            }
            #expect(wait > 0 && wait <= hour)
            #expect(try await store.job()?.lastRun == first.time)
            guard case .early(let never) = try await store.beginRun(token, every: .max), never > wait else {
                Issue.record("a run began that is never due")
                continue
            }
        }
        let newest = try await stores[1].elect("n2")
        for period in [0, -1, .min] as [Int64] {
            let again = try #require(start(try await stores[1].beginRun(newest, every: period)))
            #expect(again.time > first.time)
        }
        for store in stores { await store.close() }
    }

    private static func ticks(_ store: any Store) async throws {
        let token = try await store.elect("n0")
        #expect(try await store.tick(atMost: .max) == nil)
        // The second after an outage, which adds nothing.
        let ticks = [(0, 0), (10, 10), (500, 10), (510, 20), (520, 30)].map { Tick(through: Make.time($0), total: $1) }
        for tick in ticks { try await store.write(tick, keepingFrom: .min, token) }
        #expect(try await store.job()?.lastTick == ticks[4])
        #expect(try await start(store.beginRun(token, every: 0))?.lastTick == ticks[4])
        let expected: [(Int64, Tick?)] = [
            (-1, nil), (0, ticks[0]), (9, ticks[0]), (10, ticks[2]), (19, ticks[2]), (20, ticks[3]), (.max, ticks[4]),
        ]
        for (total, tick) in expected { #expect(try await store.tick(atMost: total) == tick, "\(total)") }
        try await store.write(Tick(through: Make.time(525), total: 35), keepingFrom: .min, token)
        try await store.takeBackTicks(after: Make.time(520), token)
        #expect(try await store.tick(atMost: .max) == ticks[4])
        #expect(try await store.job()?.lastTick == ticks[4])
        // Below 25 the newest stays, and all from there on.
        let sixth = Tick(through: Make.time(530), total: 40)
        try await store.write(sixth, keepingFrom: 25, token)
        let kept: [(Int64, Tick?)] = [(19, nil), (20, ticks[3]), (29, ticks[3]), (30, ticks[4]), (40, sixth)]
        for (total, tick) in kept { #expect(try await store.tick(atMost: total) == tick, "\(total)") }
        // Even one that is all there is.
        let seventh = Tick(through: Make.time(540), total: 41)
        try await store.write(seventh, keepingFrom: .max, token)
        #expect(try await store.tick(atMost: 40) == nil)
        #expect(try await store.tick(atMost: 41) == seventh)
        #expect(try await store.job()?.lastTick == seventh)
    }

    private static func waiting(_ store: any Store) async throws {
        #expect(try await store.approve() == nil)
        let token = try await store.elect("n0")
        #expect(try await store.approve() == nil)
        let first = Waiting(
            reason: "b is away", approval: Approval(heardThrough: Make.time(50), members: ["a/1", "b/2"]))
        for _ in 0..<3 { try await store.endRun("waits", waiting: first, token) }
        #expect(try await store.job()?.waiting == first)
        #expect(try await store.job()?.lastResult == "waits")
        #expect(try await store.audit(limit: 10).map(\.reason) == ["b is away"])
        #expect(try await store.approve("c is away") == first, "and not approved")
        #expect(try await start(store.beginRun(token, every: 0))?.approved == nil)
        #expect(try await store.approve(first.reason) == first)
        // It waits until the next run, whoever approved.
        #expect(try await store.job()?.waiting == first)
        #expect(try await start(store.beginRun(token, every: 0))?.approved == first.approval)
        try await store.endRun("done", waiting: nil, token)
        #expect(try await store.job()?.waiting == nil)
        #expect(try await store.approve() == nil)
        let second = Waiting(reason: "c is away", approval: Approval(heardThrough: Make.time(20), members: ["c/1"]))
        let third = Waiting(reason: "much is silent", approval: Approval(members: ["b/2"]))
        for waiting in [second, third] {
            try await store.endRun("waits", waiting: waiting, token)
            #expect(try await store.approve() == waiting)
        }
        let approved = try await start(store.beginRun(token, every: 0))?.approved
        #expect(approved == Approval(heardThrough: Make.time(50), members: ["a/1", "b/2", "c/1"]))
        let rows = try await store.audit(limit: 10)
        let decisions: [AuditRow.Decision] = [.wait, .approve, .wait, .approve, .wait, .approve]
        #expect(rows.reversed().map(\.decision) == decisions)
        #expect(rows.reversed().map(\.reason) == [first, first, second, second, third, third].map(\.reason))
        #expect(rows.allSatisfy { $0.device == nil && $0.token == ($0.decision == .approve ? nil : token) })
    }

    private static func manyApproved(_ store: any Store) async throws {
        let token = try await store.elect("n0")
        for part in 0..<3 {
            let members = (0..<600).map { "m\(10_000 + part * 600 + $0)/1" } + ["of\nno member"]
            let waiting = Waiting(reason: "\(part)", approval: Approval(members: members))
            try await store.endRun("waits", waiting: waiting, token)
            let told = try await store.approve()
            #expect(told?.approval.members == Array(members.dropLast()))
        }
        let approved = try await start(store.beginRun(token, every: 0))?.approved?.members
        #expect(approved == (800..<1_800).map { "m\(10_000 + $0)/1" })
    }

    private static func failed(_ store: any Store) async throws {
        let token = try await store.elect("n0")
        let waiting = Waiting(reason: "b is away", approval: Approval(members: ["b 2"]))
        try await store.endRun("waits", waiting: waiting, token)
        try await store.failRun("failed", token)
        #expect(try await store.job()?.lastResult == "failed")
        #expect(try await store.approve() == waiting)
        try await store.endRun("waits", waiting: waiting, token)
        #expect(try await store.audit(limit: 10).map(\.decision) == [.approve, .wait], "told once")
    }

    private static func revoked(_ store: any Store) async throws {
        let token = try await store.elect("n0")
        let waiting = Waiting(
            reason: "some are away", approval: Approval(heardThrough: Make.time(5), members: ["a 1", "b 2", "c 3"]))
        try await store.endRun("waits", waiting: waiting, token)
        _ = try await store.approve()
        try await store.revoke(["c 3", "a 1", "nobody 7"], token)
        let left = try await start(store.beginRun(token, every: 0))?.approved
        #expect(left == Approval(heardThrough: Make.time(5), members: ["b 2"]))
        let rows = try await store.audit(limit: 3)
        #expect(rows.allSatisfy { $0.decision == .revoke && $0.token == token })
        #expect(rows.last?.reason.hasPrefix("c is back") == true)
        try await store.revoke(["b 2"], token)
        #expect(try await start(store.beginRun(token, every: 0))?.approved?.members == [])
    }

    private static func auditOrder(_ store: any Store) async throws {
        #expect(try await store.audit(limit: 10).isEmpty)
        let token = try await store.elect("n0")
        for number in 0..<10 {
            let waiting = Waiting(reason: "reason \(number) ‘\"\\", approval: Approval())
            try await store.endRun("waits", waiting: waiting, token)
        }
        let rows = try await store.audit(limit: .max)
        #expect(rows.map(\.reason) == (0..<10).reversed().map { "reason \($0) ‘\"\\" })
        #expect(rows.map(\.time) == rows.map(\.time).sorted(by: >))
        for limit in [-1, 0, 1, 3, 10, 11] {
            #expect(try await store.audit(limit: limit) == Array(rows.prefix(max(0, limit))))
        }
    }
}
