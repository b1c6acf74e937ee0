import DataPlane
import LogFormat
import Telemetry

/// Disks that are full, forget and vanish; and the end of all disasters.
extension World {
    mutating func fillDisk(_ node: Int, _ milliseconds: Int) {
        let folder = nodes[node].folder
        folders[folder].limitBytes = folders[folder].bytesCount
        // As good as freed when the next step after it comes: the schedule has no step of its own for it.
        let freed = now.advanced(byMicroseconds: Int64(milliseconds) * 1_000)
        diskFullUntil[folder] = freed
    }

    mutating func freeDisks() {
        for (folder, until) in diskFullUntil where until <= now || isHealed {
            folders[folder].limitBytes = scenario.logBytes
            diskFullUntil[folder] = nil
        }
    }

    /// One bit of a folder's records changes; what it hurt is nobody's fault.
    mutating func flipBit(_ folder: Int) {
        let before = content(of: folder)
        guard folders[folder].flipBit(&random) else { return }
        mayHaveDamage = true
        hasFlipped = true
        let after = content(of: folder)
        for (position, number) in before.numbers where after.numbers[position] != number { lose(number) }
        for position in before.verdicts.subtracting(after.verdicts) {
            if let number = before.numbers[position] { truth.allowUnscored(number) }
        }
        judged[folder].formIntersection(after.verdicts)
    }

    /// A folder is gone for good.
    mutating func destroy(_ folder: Int) {
        let before = content(of: folder)
        lostLogs.insert(folders[folder].id)
        folders[folder] = VirtualFolder(
            id: LogID(using: &random), segmentBytes: scenario.segmentBytes, limitBytes: scenario.logBytes)
        takeStock(of: folder)
        for number in Set(before.numbers.values).sorted() { lose(number) }
    }

    private struct Content {
        var numbers: [LogPosition: Int] = [:]
        var verdicts: Set<LogPosition> = []
    }

    /// Without copies that were received before their device's deletion: nobody wants them back.
    private func content(of folder: Int) -> Content {
        var content = Content()
        for segment in folders[folder].segments.indices {
            for found in folders[folder].records(of: segment) {
                for index in 0..<found.record.count {
                    switch found.record {
                    case .readings(let position, let batch):
                        if let deleted = store.tombstones[batch[index].series.device], batch.receivedAt <= deleted {
                            continue
                        }
                        content.numbers[position + index] = Truth.number(of: batch.values[index])
                    case .verdicts(let position, _): content.verdicts.insert(position + index)
                    }
                }
            }
        }
        return content
    }

    mutating func lose(_ number: Int) {
        let isStored = store.rows[number] != nil || store.quarantine.contains(number)
        guard !isStored else { return }
        let isHeld = folders.indices.contains { content(of: $0).numbers.values.contains(number) }
        if !isHeld { truth.lose(number) }
    }

    // MARK: Healing

    /// All disasters end; every folder gets a process.
    mutating func heal() {
        isHealed = true
        trace.note(now, "heal", text: "everything heals")
        let past = Moment(microseconds: .min)
        storeAwayUntil = past
        storeSlowUntil = past
        badNetworkUntil = past
        badCommitsUntil = past
        splitUntil = past
        freeDisks()
        for node in nodes.indices {
            nodes[node].staleUntil = past
            nodes[node].isolatedUntil = past
            nodes[node].ringlessUntil = past
            nodes[node].swallowsUntil = past
            nodes[node].diskFailsNext = false
            if let life = nodes[node].life {
                resume(Address(node: node, life: life.number))
                if life.isStopping || nodes[node].life?.core.logFailure != nil { end(node, isPowerLost: false) }
            }
            start(node, .own)
        }
        let used = Set(nodes.map(\.folder))
        for folder in folders.indices where !used.contains(folder) {
            addNode(folder: folder, name: "drain\(folder)")
            start(nodes.count - 1, .own)
        }
        flockChanged()
    }
}
