import Lease
import Telemetry

extension LeaseWorld {
    // MARK: Journeys

    mutating func drawn(percent: Int) -> Bool { random.draw(below: 100) < percent }

    /// How long a message takes: one delay for each time that it arrives.
    mutating func journeys(isCut: Bool) -> [Int64] {
        guard isStorm else { return [quickDelay] }
        guard !isCut, !drawn(percent: scenario.lossPercent) else { return [] }
        return drawn(percent: scenario.doublePercent) ? [delay, slowDelay] : [delay]
    }

    private var quickDelay: Int64 {
        mutating get { 500 + Int64(random.draw(below: 15_000)) }
    }

    private var delay: Int64 {
        mutating get {
            drawn(percent: scenario.slowPercent) ? slowDelay : quickDelay
        }
    }

    /// A TTL at most; half of them too long for the asker's patience.
    private var slowDelay: Int64 {
        mutating get {
            let longest = random.draw(below: 2) == 0 ? scenario.ttl : limits.patience
            return Int64(random.draw(below: Int(longest)))
        }
    }

    var storeDelay: Int64 {
        mutating get { isStorm ? 1_000 + Int64(random.draw(below: 300_000)) : quickDelay }
    }

    var workPause: Int64 {
        mutating get { scenario.ttl / 60 + Int64(random.draw(below: Int(scenario.ttl / 30))) }
    }

    // MARK: Disasters

    mutating func perform(_ disaster: LeaseScenario.Disaster) {
        trace.note(now, "disaster", text: "\(disaster)")
        func end(_ time: Int64) -> Moment { now.advanced(byMicroseconds: time) }
        switch disaster {
        case .cut(let node, let questions, let answers, let time):
            if questions { nodes[node].questionsCutUntil = end(time) }
            if answers { nodes[node].answersCutUntil = end(time) }
        case .nodePaused(let node, let time): nodes[node].pausedUntil = end(time)
        case .nodePausedInAct(let node, let time): nodes[node].freeze = time
        case .nodeKilled(let node, let time):
            guard nodes[node].isUp else { return }
            nodes[node].isUp = false
            nodes[node].pausedUntil = now
            after(time, node, .start)
        case .nodeLeaves(let node, let time):
            guard nodes[node].isUp, nodes[node].pausedUntil <= now else { return }
            nodes[node].returnsAfter = time
            step(node, .leave)
        case .nodeStepsDown(let node):
            guard nodes[node].isUp, nodes[node].pausedUntil <= now else { return }
            step(node, .stepDown)
        case .keeperPaused(let time): keeperPausedUntil = end(time)
        case .keeperKilled(let time):
            keeperDownUntil = end(time)
            forget()
        case .keeperEmptied: forget()
        }
        check()
    }

    private mutating func forget() {
        keeper.empty()
        keeperEmptiedAt = now
    }

    /// From now on nothing more goes wrong; what is on its way still comes, and as late as it does.
    mutating func calm() {
        isStorm = false
        keeperPausedUntil = min(keeperPausedUntil, now)
        keeperDownUntil = min(keeperDownUntil, now)
        wakeKeeper()
        for index in nodes.indices {
            nodes[index].pausedUntil = min(nodes[index].pausedUntil, now)
            wake(index)
            nodes[index].freeze = nil
            nodes[index].returnsAfter = 0
            if !nodes[index].isUp { start(index) }
        }
    }

    // MARK: Checks

    mutating func fail(_ problem: String) {
        problems.append("\(Trace.seconds(now)): \(problem)")
    }

    /// Nodes that may act now, as far as they know. One that stands still does not act; what it began before, the store
    /// refuses.
    var leaders: [Int] {
        nodes.indices.filter { index in
            guard nodes[index].isUp, nodes[index].pausedUntil <= now else { return false }
            if let believed = nodes[index].believed { return mayAct(index, inTerm: believed.term) }
            return nodes[index].core.term.map { mayAct(index, inTerm: $0.number) } ?? false
        }
    }

    mutating func check() {
        let leaders = leaders
        guard leaders.count > 1 else { return }
        // A right that began before the keeper forgot ends within a TTL of the slowest clock.
        let grace = scenario.ttl * 100 / (100 - LeaseLimits.driftPercentMax)
        if now < keeperEmptiedAt.advanced(byMicroseconds: grace) {
            excusedCount += 1
        } else {
            fail("\(leaders.map { nodes[$0].name }) may act at once")
        }
    }
}
