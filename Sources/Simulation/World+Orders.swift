import DataPlane
import HashRing
import LogFormat
import Ports
import Telemetry

/// The driver of `IngestCore`: performs what it orders, each order at its own speed, and reports back.
extension World {
    static let readRecordsMax = 5
    static let tickPeriod: Int64 = 50_000
    /// Owners look at their deadlines less often than origins.
    static let ticksPerSlotTick = 10
    static let flushPeriod: Int64 = 2_000_000
    /// What the planted driver keeps of its orders.
    static let ordersKept = 1

    mutating func deliver(_ delivery: Delivery, to address: Address) {
        guard isAlive(address) else { return }
        if nodes[address.node].life?.pausedSince != nil {
            nodes[address.node].life?.deferred.append(delivery)
            return
        }
        switch delivery {
        case .event(let event): tell(address, event)
        case .ring(let ring): adopt(ring, at: address)
        case .batch(let batch): accept(batch, at: address)
        case .call(let call, let from): take(call, from: from, at: address)
        case .pull(let slot, let owner): pullArrived(slot, by: owner, at: address)
        case .gift(let slot, let gift, let reference, let owner):
            giftArrived(gift, reference, of: slot, from: owner, at: address)
        case .pullFailed(let slot, let owner): handle(.pullFailed(from: owner), slot: slot, at: address)
        case .offer(let slot, let owner): handle(.offered(by: owner), slot: slot, at: address)
        case .warmed(let slot, let rows, let tombstones): warmed(slot, rows, tombstones, at: address)
        case .warmFailed(let slot): handle(.warmFailed, slot: slot, at: address)
        case .flushed(let rows): tellAgain(rows, at: address)
        case .forget(let device, let time): forget(device, at: time, at: address)
        case .tick:
            tell(address, .tick)
            nodes[address.node].life?.ticksCount += 1
            if (nodes[address.node].life?.ticksCount ?? 0) % Self.ticksPerSlotTick == 0 { tickSlots(at: address) }
            send(.tick, to: address, after: Self.tickPeriod)
        case .flush:
            flush(address)
            send(.flush, to: address, after: Self.flushPeriod)
        }
    }

    private mutating func accept(_ batch: ReadingBatch, at address: Address) {
        guard let life = nodes[address.node].life else { return }
        truth.offer(batch, at: now)
        if life.ring.owners.isEmpty { for value in batch.values { truth.allowUnscored(Truth.number(of: value)) } }
        let id = IngestCore.RequestID(life.requestsCount + 1)
        nodes[address.node].life?.requestsCount += 1
        nodes[address.node].life?.requests[id] = batch
        tell(address, .offered([.init(request: id, batch: batch)]))
    }

    /// Gives the core an event, and performs what it answers.
    mutating func tell(_ address: Address, _ event: IngestCore.Event) {
        switch event {
        case .appended, .appendFailed, .committed, .commitFailed, .checkpoint, .checkpointUnavailable, .logRead,
            .logReadFailed, .retired, .retireFailed:
            nodes[address.node].life?.ordersCount -= 1
            // A log under a new name begins anew, with how often it was sent on too.
            if case .retired = event { nodes[address.node].life?.movesInRow = [:] }
        case .scored(let number, let answer): noteAnswer(number, answer, at: address)
        case .callFailed(let number, _): noteCallEnd(number, at: address)
        default: break
        }
        guard let effects = nodes[address.node].life?.core.handle(event, now: now) else { return }
        note(event, effects, at: address)
        for effect in effects { perform(effect, of: address) }
        checkCore(address)
    }

    /// Most ticks change nothing: they are no news.
    private mutating func note(_ event: IngestCore.Event, _ effects: [IngestCore.Effect], at address: Address) {
        if effects.isEmpty, event == .tick { return }
        let ledger = nodes[address.node].life?.core.ledger ?? Ledger()
        trace.note(
            now, "tell", UInt64(address.node), address.life, UInt64(effects.count), ledger.accepted, ledger.pending,
            text: "\(nodes[address.node].name) \(event.brief) -> \(effects.map(\.brief).joined(separator: ", "))")
    }

    private mutating func perform(_ effect: IngestCore.Effect, of address: Address) {
        switch effect {
        case .acknowledge(let ids):
            for id in ids { acknowledge(id, at: address) }
            return
        case .refuse(let ids, _):
            for id in ids { nodes[address.node].life?.requests[id] = nil }
            return
        case .call(let owner, let call): return send(call, to: owner, from: address)
        case .trim: return later(delay(50, 500_000), .disk(address, effect))
        default: break
        }
        // What the core waits for.
        let outstanding = nodes[address.node].life?.ordersCount ?? 0
        if faults.contains(.ordersDropped), outstanding >= Self.ordersKept { return }
        nodes[address.node].life?.ordersCount += 1
        switch effect {
        case .append(let number, let records):
            checkAppend(records, at: address)
            if faults.contains(.ackBeforeSync), records.contains(where: \.holdsReadings) {
                let ids = nodes[address.node].life?.requests.keys.sorted { $0.number < $1.number } ?? []
                for id in ids { acknowledge(id, at: address) }
            }
            later(delay(50, 20_000), .write(address, number, records))
        case .commit(let transaction):
            if faults.contains(.trimBeforeCommit) {
                folders[nodes[address.node].folder].trim(before: transaction.end)
            }
            ask(.commit(transaction), of: address)
        case .claim(let log, let from, let writer): ask(.claim(log, from: from, writer), of: address)
        case .register(let log, let writer, let old): ask(.register(log, writer, replacing: old), of: address)
        case .readCheckpoint(let log): ask(.row(log), of: address)
        case .readLog: later(delay(50, 50_000), .disk(address, effect))
        case .retire(_, let reason):
            checkCause(of: reason, at: address)
            trace.note(now, "retire", UInt64(address.node), text: "\(nodes[address.node].name) \(reason)")
            later(delay(1_000, 400_000), .disk(address, effect))
        case .acknowledge, .refuse, .call, .trim: break
        }
    }

    private mutating func acknowledge(_ id: IngestCore.RequestID, at address: Address) {
        guard let batch = nodes[address.node].life?.requests.removeValue(forKey: id) else { return }
        let folder = nodes[address.node].folder
        for value in batch.values where !synced[folder].contains(Truth.number(of: value)) {
            problem("\(nodes[address.node].name) acknowledged \(Int(value)), which is not synced")
        }
        truth.promise(batch)
        // A bit may have flipped between the sync and this word.
        if hasFlipped { for value in batch.values { lose(Truth.number(of: value)) } }
    }

    // MARK: Disk

    mutating func write(_ records: [LogRecord], _ number: IngestCore.AppendNumber, of address: Address) {
        guard isAlive(address) else { return }
        let folder = nodes[address.node].folder
        if let failure = folders[folder].append(records) {
            if case .refused(let text) = failure { problem("the log refuses: \(text)") }
            return send(.event(.appendFailed(number, failure)), to: address, after: delay(20, 2_000))
        }
        for case .verdicts(let position, let verdicts) in records {
            for index in 0..<verdicts.count { judged[folder].insert(position + index) }
        }
        guard records.contains(where: \.holdsReadings) else {
            return send(.event(.appended(number)), to: address, after: delay(20, 2_000))
        }
        if faults.contains(.sentBeforeSync) { send(.event(.appended(number)), to: address, after: 0) }
        later(delay(200, 30_000), .sync(address, folder: folder, number, records))
    }

    mutating func sync(
        _ folder: Int, _ records: [LogRecord], _ number: IngestCore.AppendNumber, of address: Address
    ) {
        guard isAlive(address) else { return }
        if nodes[address.node].diskFailsNext {
            return send(.event(.appendFailed(number, .failed("the disk failed"))), to: address, after: 100)
        }
        folders[folder].sync()
        for case .readings(_, let batch) in records {
            for value in batch.values { synced[folder].insert(Truth.number(of: value)) }
        }
        if !faults.contains(.sentBeforeSync) {
            send(.event(.appended(number)), to: address, after: delay(20, 2_000))
        }
    }

    mutating func performOnDisk(_ order: IngestCore.Effect, of address: Address) {
        guard isAlive(address) else { return }
        let folder = nodes[address.node].folder
        switch order {
        case .trim(let id, let position): if folders[folder].id == id { folders[folder].trim(before: position) }
        case .readLog(let purpose, let id, let start):
            // Sometimes there is no memory, or no file to be had.
            let isOutOfFiles = !isHealed && random.draw(below: 50) == 0
            guard folders[folder].id == id, !isOutOfFiles else {
                return send(.event(.logReadFailed(purpose, id)), to: address, after: delay(20, 2_000))
            }
            var (records, next, isAtEnd) = folders[folder].read(
                from: start, recordsMax: 1 + random.draw(below: Self.readRecordsMax))
            if purpose == .replay, faults.contains(.verdictsIgnoredAtStart) { records.removeAll { !$0.holdsReadings } }
            send(.event(.logRead(purpose, records, next: next, isAtEnd: isAtEnd)), to: address, after: delay(20, 9_000))
        case .retire:
            guard diskFullUntil[folder] == nil else {
                return send(.event(.retireFailed("no room")), to: address, after: 1_000)
            }
            folders[folder].retire(newID: LogID(using: &random))
            takeStock(of: folder)
            send(.event(.retired(folders[folder].opened)), to: address, after: delay(20, 9_000))
        default: break
        }
    }

    /// What the bytes of a folder say, after they changed as a whole.
    mutating func takeStock(of folder: Int) {
        synced[folder] = []
        judged[folder] = []
        for segment in folders[folder].segments.indices {
            for found in folders[folder].records(of: segment) {
                switch found.record {
                case .readings(_, let batch):
                    for value in batch.values { synced[folder].insert(Truth.number(of: value)) }
                case .verdicts(let position, let verdicts):
                    for index in 0..<verdicts.count { judged[folder].insert(position + index) }
                }
            }
        }
    }
}
