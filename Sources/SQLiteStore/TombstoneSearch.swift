import HashRing
import Ports
import Telemetry

/// The newest tombstones of some slots: of each its newest, then the newest of all.
struct TombstoneSearch {
    let slots: [Slot]
    let limit: Int

    func run(_ connection: Connection) throws(StoreError) -> [Tombstone] {
        let limit = min(max(0, limit), StoreLimits.answerRowsMax)
        // In the order of the index, which has the table's key behind its own columns.
        let select = try connection.prepare(
            "SELECT device, time FROM tombstones WHERE slot = ? ORDER BY time DESC, device LIMIT ?")
        var found: [Tombstone] = []
        for slot in Set(slots).sorted() {
            try select.bind(Int64(slot.number), 1)
            try select.bind(Int64(limit), 2)
            while try select.step() {
                let device = DeviceID(unchecked: select.text(0))
                found.append(Tombstone(device: device, time: Instant(microseconds: select.int64(1))))
            }
            select.reset()
            if found.count > 2 * limit { found = newest(of: found, limit) }
        }
        return newest(of: found, limit)
    }

    private func newest(of tombstones: [Tombstone], _ limit: Int) -> [Tombstone] {
        Array(tombstones.sorted { ($1.time, $0.device) < ($0.time, $1.device) }.prefix(limit))
    }
}
