import DataPlane
import HashRing
import LogFormat
import Ports
import Telemetry

/// The way to the store and back: slow, away, or with answers that get lost.
extension World {
    private var isStoreAway: Bool { storeAwayUntil > now }

    mutating func ask(_ call: StoreCall, of address: Address) {
        let time = storeSlowUntil > now ? delay(300_000, 5_000_000) : delay(200, 40_000)
        later(time, .ask(address, call, epoch: storeEpoch, isSilent: false))
    }

    mutating func answer(_ call: StoreCall, to address: Address, _ epoch: Int, _ isSilent: Bool) {
        guard epoch == storeEpoch else {
            if !isSilent { fail(call, to: address, after: delay(100, 500_000)) }
            return
        }
        if isSilent {
            _ = apply(call, of: address)
            return
        }
        guard !isStoreAway else { return fail(call, to: address, after: delay(10_000, 2_000_000)) }
        let loss = isHealed ? 0 : scenario.commitLossPerMille + (badCommitsUntil > now ? 400 : 0)
        guard call.movesRow, chance(perMille: loss) else {
            let reply = apply(call, of: address)
            return send(reply, to: address, after: delay(100, 20_000))
        }
        // Nobody who asked can tell these three apart.
        switch random.draw(below: 3) {
        case 0: moveRowFirst(call)
        case 1: _ = apply(call, of: address)
        default: later(delay(1_000, 3_000_000), .ask(address, call, epoch: epoch, isSilent: true))
        }
        fail(call, to: address, after: delay(100, 1_000_000))
    }

    /// A store whose transaction is two.
    private mutating func moveRowFirst(_ call: StoreCall) {
        if faults.contains(.checkpointBeforeCommit), case .commit(let transaction) = call { store.moveRow(transaction) }
    }

    private mutating func fail(_ call: StoreCall, to address: Address, after time: Int64) {
        let reply: Delivery =
            switch call {
            case .commit: .event(.commitFailed)
            case .claim, .register, .row: .event(.checkpointUnavailable)
            case .warm(let slot): .warmFailed(slot)
            case .flush(let rows): .flushed(rows)
            }
        send(reply, to: address, after: time)
    }

    private mutating func apply(_ call: StoreCall, of address: Address) -> Delivery {
        let name = nodes[address.node].name
        switch call {
        case .claim(let log, let from, let writer):
            return .event(.checkpoint(store.claim(log, from: from, by: writer)))
        case .register(let log, let writer, let replaced):
            return .event(.checkpoint(store.register(log, node: name, by: writer, replacing: replaced)))
        case .row(let log):
            if faults.contains(.rowKeyedByNode), store.row(of: log) == nil, var row = store.row(ofNode: name) {
                row.log = log
                store.plant(row)
            }
            return .event(.checkpoint(store.row(of: log)))
        case .commit(let transaction):
            checkTransaction(transaction)
            checkUnscored(transaction)
            let row = store.commit(transaction, faults, truth: truth)
            trace.note(
                now, "commit", UInt64(address.node), transaction.start.readings, transaction.end.readings,
                row == nil ? 0 : 1,
                text: "\(name) \(transaction.start)..<\(transaction.end) \(row == nil ? "refused" : "in")")
            return .event(row.map { .committed($0) } ?? .commitFailed)
        case .warm(let slot):
            return .warmed(slot, store.latest(in: slot), store.tombstones(in: slot))
        case .flush(let rows):
            let unknown = Set(store.flush(rows))
            return .flushed(rows.filter { unknown.contains($0.series) })
        }
    }

    // MARK: People

    mutating func delete(_ device: DeviceID) {
        guard !isStoreAway else { return }
        let time = Instant(microseconds: Self.wallStart + now.microseconds)
        let gone = truth.sent.indices.filter { truth.sent[$0].series.device == device && store.rows[$0] != nil }
        for number in gone { truth.lose(number) }
        store.delete(device, at: time, numbers: truth.sent.indices.filter { truth.sent[$0].series.device == device })
        for node in nodes.indices {
            guard let life = nodes[node].life else { continue }
            send(
                .forget(device, at: time), to: Address(node: node, life: life.number), after: delay(500, 200_000))
        }
    }

    /// Yesterday's backup; an empty store if there is none.
    mutating func restore() {
        hasRestored = true
        mayHaveDamage = true
        let before = store
        store = backup
        storeEpoch += 1
        let held = numbersHeldForSure(rows: before)
        for number in truth.sent.indices where truth.isPromised[number] {
            let isThere = store.rows[number] != nil || store.quarantine.contains(number)
            let isDeleted =
                before.tombstones[truth.sent[number].series.device].map { truth.receivedAt[number] <= $0 } ?? false
            if !isThere, isDeleted || !held.contains(number) { truth.lose(number) }
        }
    }

    /// What a disk holds and no trim can take that was ordered by now.
    private func numbersHeldForSure(rows: VirtualStore) -> Set<Int> {
        var held: Set<Int> = []
        for folder in folders {
            let stored = rows.row(of: folder.id)?.position ?? .start
            for segment in folder.segments.indices {
                if segment + 1 < folder.segments.count, folder.segments[segment + 1].base <= stored { continue }
                let syncedCount = folder.segments[segment].syncedCount
                for found in folder.records(of: segment) {
                    guard found.bytes.upperBound <= syncedCount, case .readings(_, let batch) = found.record else {
                        continue
                    }
                    for index in 0..<batch.count {
                        // A copy that was received before its device's deletion is not wanted back.
                        let deleted = rows.tombstones[batch[index].series.device]
                        if let deleted, batch.receivedAt <= deleted { continue }
                        held.insert(Truth.number(of: batch.values[index]))
                    }
                }
            }
        }
        return held
    }
}
