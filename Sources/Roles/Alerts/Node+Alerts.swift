import Alerting
import Distributed
import HashRing
package import Ports
import Synchronization
import Telemetry

/// Alerts and mutes, seen from this node.
extension Node {
    /// Whoever owns this slot sends: one node, as far as nodes agree on the ring. Where they do not, two send the same
    /// under the same ids.
    static let alertSlot = Slot(of: DeviceID(unchecked: "starling/alerts"))
    /// How often somebody who listens to the live feed is told of fleet incidents, which are found elsewhere.
    static let incidentsPeriod = Duration.seconds(2)
    /// Ends that are this old are no news, in microseconds. An end is told a while after it was: nobody may have come for a
    /// minute, and the sender may have changed.
    static let incidentsKept: Int64 = 900_000_000
    static let incidentsMax = 1_000

    /// From the moment at which the node is ready and knows its flock.
    func runAlerts() async {
        while (try? await Task.sleep(for: Self.readyLook)) != nil {
            guard case .ready = state.withLock({ $0 }), let flock = flockID.withLock({ $0 }) else { continue }
            var random = SystemRandomNumberGenerator()
            var settings = AlertSettings(
                targets: telling.poster.targets, filter: telling.filter, flock: "\(flock)", node: self.settings.name)
            settings.limits = telling.limits
            let alerts = Alerts(
                settings: settings, poster: telling.poster,
                node: Alerts.Surroundings(
                    store: store, clock: clock, isSender: { self.isAlertSender },
                    activeDevices: { await self.devicesOfFlock() }, subscribe: { self.subscribe($0) }),
                seed: random.next(), logger: logger)
            await alerts.run()
            return
        }
    }

    private var isAlertSender: Bool {
        guard case .ready = state.withLock({ $0 }) else { return false }
        return ring.withLock { $0.owner(of: Self.alertSlot) } == owner
    }

    /// As far as peers answer.
    private func devicesOfFlock() async -> Int {
        await askStatuses()
        let owners = Set(peers.owners)
        let others = statuses.withLock { statuses in
            statuses.reduce(0) { $0 + (owners.contains($1.key) ? $1.value.devices : 0) }
        }
        return others + (await scoring.whenLocal { $0.devicesCount } ?? 0)
    }

    // MARK: Mutes

    package func mute(
        _ scope: Mute.Scope, for length: Int64?, reason: String
    ) async throws(StoreError) -> Mute? {
        let now = clock.instant
        let mute = Mute(
            scope: scope, since: now, until: length.map { now.advanced(byMicroseconds: $0) }, reason: reason)
        return try await store.mute(mute) ? mute : nil
    }

    package func unmute(_ scope: Mute.Scope) async throws(StoreError) -> Bool { try await store.unmute(scope) }

    package func mutes() async throws(StoreError) -> [Mute] {
        let now = clock.instant
        return try await store.mutes().filter { $0.isInForce(at: now) }
    }

    // MARK: Fleet incidents in the live feed

    /// Only while somebody listens.
    func watchIncidents() async {
        var known: [String: Alert]?
        while (try? await Task.sleep(for: Self.incidentsPeriod)) != nil {
            guard live.hasListeners else {
                known = nil
                continue
            }
            let query = AnomalyQuery(
                from: clock.instant.advanced(byMicroseconds: -Self.incidentsKept), to: .distantFuture,
                limit: Self.incidentsMax)
            guard let found = try? await store.incidents(query) else { continue }
            let now = Dictionary(found.map { ($0.id, $0) }) { first, _ in first }
            // What was there when the first began to listen is no news.
            if let old = known {
                let news = found.filter { old[$0.id] != $0 }.map(\.episode)
                incidentNews.withLock { $0 = Array((news + $0).prefix(Self.incidentsMax)) }
            }
            known = now
        }
    }
}
