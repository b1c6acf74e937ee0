import DataPlane
import HashRing
import LogFormat
import Ports
import Telemetry

/// The checks, all made from outside: of what was promised, sent on, answered and stored.
extension World {
    /// After every event: the ledger is closed, bounds hold.
    mutating func checkCore(_ address: Address) {
        guard let core = nodes[address.node].life?.core else { return }
        let ledger = core.ledger
        let sum = ledger.stored + ledger.pending + ledger.duplicates + ledger.discarded + ledger.damaged
        if ledger.accepted != sum { problem("\(nodes[address.node].name): the ledger is open: \(ledger)") }
        if ledger.damaged > 0, !mayHaveDamage { problem("\(nodes[address.node].name): damage without a cause") }
    }

    mutating func checkAppend(_ records: [LogRecord], at address: Address) {
        for case .readings(_, let batch) in records {
            for index in 0..<batch.count where !truth.isSent(batch[index]) {
                problem("appended \(batch[index]), which nobody sent")
            }
        }
    }

    /// Before a call leaves: its readings are synced, have no verdict in the log, and are on their way only once.
    mutating func checkCall(_ call: ScoreCall, to owner: Owner, from address: Address) {
        let name = nodes[address.node].name
        let folder = nodes[address.node].folder
        for index in 0..<call.count {
            let position = call.positions[index]
            let number = Truth.number(of: call.values[index])
            if !synced[folder].contains(number) { problem("\(name) sent \(number) on before it was synced") }
            if folders[folder].id == call.origin, judged[folder].contains(position) {
                problem("\(name) asks again for the verdict on \(position), which is in its log")
            }
            truth.noteCall(number, to: owner)
        }
        for part in call.parts {
            for index in part.readings {
                let isInOrder = nodes[address.node].life?.asked.note(call.positions[index], part.slot, of: call.origin)
                if isInOrder == false { problem("\(name) asks for \(call.positions[index]) after what came later") }
            }
        }
        let slots = Set(call.parts.map(\.slot))
        for (other, open) in nodes[address.node].life?.open ?? [:] where open.deadline > now {
            if other == owner { problem("\(name) calls \(owner) while another call is open") }
            if !open.slots.isDisjoint(with: slots) { problem("\(name) asks \(owner) and \(other) for one slot") }
        }
        nodes[address.node].life?.open[owner] = .init(
            number: call.number, slots: slots,
            deadline: now.advanced(byMicroseconds: scenario.limits.callDeadline))
    }

    /// Nobody is sent on for ever: whoever is asked by an origin that was sent on twice judges.
    mutating func noteAnswer(_ number: CallNumber, _ answer: ScoreAnswer, at address: Address) {
        // What comes after the deadline finds no call.
        let open = nodes[address.node].life?.open.values.first { $0.number == number && $0.deadline > now }
        for slot in open?.slots ?? [] {
            let isMoved = answer.moved.contains { $0.slot == slot }
            let moves = isMoved ? (nodes[address.node].life?.movesInRow[slot] ?? 0) + 1 : 0
            nodes[address.node].life?.movesInRow[slot] = moves
            if moves > Int(SlotCore.movesMax) { problem("\(nodes[address.node].name) is sent on \(moves) times") }
        }
        noteCallEnd(number, at: address)
    }

    /// The core has heard of a call's end.
    mutating func noteCallEnd(_ number: CallNumber, at address: Address) {
        let ended = nodes[address.node].life?.open.filter { $0.value.number == number }.keys
        for owner in ended ?? [:].keys { nodes[address.node].life?.open[owner] = nil }
    }

    /// An owner answers: the same reading of the same log, asked for again, gets the same verdict, wherever the slot is.
    mutating func noteVerdicts(
        _ verdicts: [Verdict], on part: ScoreCall.Part, of call: ScoreCall, at address: Address
    ) {
        // Taken out and put back: changing a copy would copy all that was ever answered.
        guard let life = nodes[address.node].life, var reference = life.references.removeValue(forKey: part.slot)
        else { return }
        var answers = reference.answers
        reference.answers = Answers()
        let isStale = answers.isStale(call)
        let origin = logOf[call.writer] ?? call.origin
        answers.noteWriter(call.writer, of: origin)
        for (place, index) in part.readings.enumerated() {
            let number = Truth.number(of: call.values[index])
            truth.noteGiven(number, verdicts[place])
            guard !isStale else { continue }
            // By the writer, not by the log's name: a planted fault changes the one, never the other.
            let key = Answers.Key(origin: origin, position: call.positions[index])
            if let known = answers.known(key, number: number, by: call.writer, now), known != verdicts[place] {
                problem("\(nodes[address.node].name) judged \(number) twice: \(known), \(verdicts[place])")
            }
            answers.note(key, .init(number: number, verdict: verdicts[place], writer: call.writer, at: now))
        }
        reference.answers = answers
        life.references[part.slot] = reference
    }

    /// A transaction accounts for every position between its ends.
    mutating func checkTransaction(_ transaction: StoreTransaction) {
        var next = transaction.start
        var missing: UInt64 = 0
        for batch in transaction.batches {
            if batch.position < next { problem("a transaction goes back to \(batch.position) from \(next)") }
            missing += batch.position - next
            next = batch.end
        }
        missing += transaction.end - next
        if missing != transaction.damaged || next > transaction.end {
            problem("\(transaction.start)..<\(transaction.end): \(missing) missing, \(transaction.damaged) counted")
        }
    }

    /// Nobody gives up on a verdict early.
    mutating func checkUnscored(_ transaction: StoreTransaction) {
        for batch in transaction.batches {
            for index in 0..<batch.readings.count where batch.verdicts.results[index] == .unscored {
                let number = Truth.number(of: batch.readings.values[index])
                let hasCause =
                    truth.mayBeUnscored[number]
                    || !scenario.isOrderly && truth.hasWaited(number, scenario.limits.unscoredAfter, until: now)
                if !hasCause { problem("\(number) is unscored without a cause") }
            }
        }
    }

    /// A log gives up its name only after something that can have set it against its row.
    mutating func checkCause(of reason: IngestCore.RetireReason, at address: Address) {
        guard faults.isEmpty else { return }
        let hasCause =
            switch reason {
            case .rowMissing, .rowMovedBack: hasRestored
            // A log that lost its end lets another life give those positions, and then does not know its own row.
            case .claimedByAnother: hasCopied || hasRestored || hasFlipped
            case .rowBeyondLog: hasCopied || hasRestored || hasFlipped || hasLostPower
            case .rowMisplaced: hasCopied || hasRestored || hasFlipped
            }
        if !hasCause { problem("\(nodes[address.node].name) gives up its log's name without a cause: \(reason)") }
    }

    // MARK: At the end

    var isAtRest: Bool {
        nodes.allSatisfy { node in
            guard let life = node.life else { return true }
            return life.core.isDrained && life.core.isRunning && life.requests.isEmpty && life.tickets.isEmpty
        } && isEverySlotAtHome
    }

    mutating func reportUnrest() {
        if let strayed { problem(strayed) }
        for node in nodes {
            guard let life = node.life else { continue }
            let core = life.core
            if core.isDrained, core.isRunning, life.requests.isEmpty, life.tickets.isEmpty { continue }
            problem(
                "\(node.name) waits for ever: \(core.phase), \(core.store), \(core.ledger), \(life.requests.count) "
                    + "clients, \(life.tickets.count) calls")
        }
    }

    mutating func checkAtRest() {
        trace.note(now, "rest", UInt64(store.rows.count), text: "\(store.rows.count) rows")
        for number in truth.sent.indices { checkReading(number) }
        for number in store.rows.keys where !truth.sent.indices.contains(number) {
            problem("stored \(number), which nobody sent")
        }
        var counted: UInt64 = 0
        for row in store.checkpoints.values {
            counted += row.stored
            let sum = row.stored + row.duplicates + row.discarded + row.damaged
            if sum != row.position.readings { problem("the row of \(row.log) does not add up: \(row)") }
            let mayBeOrphan = hasRestored || lostLogs.contains(row.log)
            if row.accepted != row.position, !mayBeOrphan {
                problem("\(row.accepted - row.position) orphans in \(row.log)")
            }
        }
        if counted != UInt64(store.rows.count + store.deletedCount) {
            problem("\(counted) counted as stored, \(store.rows.count) and \(store.deletedCount) deleted are")
        }
        if !hasRestored { checkGhosts() }
    }

    private mutating func checkReading(_ number: Int) {
        let reading = truth.sent[number]
        let verdict = store.rows[number]
        let deleted = store.tombstones[reading.series.device]
        if let verdict {
            if verdict.result != .unscored, !truth.given[number].contains(verdict) {
                problem("\(number) is stored as \(verdict); owners said \(truth.given[number])")
            }
            if let deleted, truth.offeredAt[number] <= deleted {
                problem("\(number) is back after its device's deletion")
            }
        }
        guard truth.isPromised[number], !truth.isLost[number] else { return }
        if let deleted, truth.receivedAt[number] <= deleted { return }
        if reading.series.metric == VirtualStore.refusedMetric {
            if !store.quarantine.contains(number) { problem("\(number) is lost: promised, not in quarantine") }
        } else if verdict == nil {
            problem("\(number) is lost: promised, not stored")
        }
    }

    /// No owner shows a series of a deleted device that has sent nothing since.
    private mutating func checkGhosts() {
        let alive = Set(store.rows.keys.map { truth.sent[$0].series })
        for node in nodes {
            for slot in (node.life?.slots ?? [:]).values {
                for (name, state) in slot.series ?? [:] where !alive.contains(name) {
                    // What it heard after the deletion by a clock that is ahead is its new life.
                    guard let deleted = store.tombstones[name.device], state.lastHeard <= deleted else { continue }
                    problem("\(node.name) shows \(name.device) after its deletion")
                }
            }
        }
    }
}
