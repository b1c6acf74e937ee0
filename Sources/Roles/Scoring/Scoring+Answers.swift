import DataPlane
import Detection
import Distributed
import HashRing
import Ports
package import Telemetry

/// What this owner's memory answers, here or to another node.
extension Scoring {
    /// The newest reading of every series of the slots that are open here.
    package distributed func latest(_ call: LatestCall) async throws -> LatestReply {
        answer(call).page
    }

    private func answer(_ call: LatestCall) -> LatestReply {
        if call.known == changes { return .unchanged(version: changes) }
        let builder = LatestBuilder(
            query: call.query, now: clock.instant, inactiveAfter: inactiveAfter, shown: shown, models: models)
        let asked = call.query.device.map { [slots[Int(Slot(of: $0).number)]] } ?? slots
        let rows = builder.rows(from: asked.lazy.compactMap(\.series))
        return LatestReply(
            devices: rows.devices,
            warm: SlotSet(asked.lazy.filter { $0.series != nil && !$0.awaitsRows }.map(\.slot)),
            version: changes, validFor: rows.validFor)
    }

    /// All of that, page by page: one reply has to fit into one message.
    /// - Parameter known: what it was before, if that may still be right.
    nonisolated func wholeLatest(_ query: LatestQuery, known: LatestReply?) async throws -> LatestReply {
        let call = LatestCall(query: query, known: known?.version)
        // Memory has no pages.
        if let whole = await whenLocal({ $0.answer(call) }) { return whole }
        let limit = query.limit
        var query = query
        var whole = try await latest(call)
        for _ in 1..<LatestReply.pagesMax where whole.isCut {
            query.after = whole.devices.last?.device
            query.limit = limit.map { $0 - whole.devices.count }
            whole.append(try await latest(LatestCall(query: query)))
        }
        return whole
    }

    /// True if any reading of the device was judged here, though none may be stored yet.
    package distributed func knows(_ device: DeviceID) async throws -> Flag {
        Flag(slots[Int(Slot(of: device).number)].series?.keys.contains { $0.device == device } ?? false)
    }

    /// The device was deleted from the store at that time: its state goes, and what it sent before stays away.
    package distributed func forget(_ device: DeviceID, at time: Instant) async throws {
        forget(Tombstone(device: device, time: time), isNews: true)
    }

    /// A person brought the device out of hiding.
    package distributed func show(_ device: DeviceID) async throws {
        shown.show(device, at: clock.instant, inactiveAfter: inactiveAfter)
        changes &+= 1
    }

    /// What was judged here since the last time it was asked.
    package distributed func changes(_ call: LiveCall) async throws -> LiveReply {
        feed.changes(since: call.cursor, now: clock.moment) { expected(after: $0) }
    }

    /// Where the next reading of a series is expected, if that one is still its last.
    private func expected(after reading: LiveReading) -> ClosedRange<Double>? {
        guard let state = slots[Int(Slot(of: reading.device).number)].series?[reading.series],
            state.time == reading.metric.time
        else { return nil }
        return models.model(for: reading.metric.metric)?.expected(after: state.detector)
    }

    package var devicesCount: Int {
        slots.reduce(0) { $0 + Set(($1.series ?? [:]).keys.map(\.device)).count }
    }

    /// Some slot still holds states that another owner may want.
    package var hasStates: Bool { slots.contains { !($0.series ?? [:]).isEmpty } }
}
