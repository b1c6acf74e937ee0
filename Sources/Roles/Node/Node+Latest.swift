import DataPlane
import Distributed
import HashRing
package import Ports
import Synchronization
import Telemetry

/// `GET /latest`, put together from the owners' memory.
extension Node {
    /// How long the store may take to fill in for a peer that does not answer.
    static let fillPatience = Duration.milliseconds(300)

    /// All owners are asked at once. What none answers for is filled in from the store's last rows.
    package func latest(_ query: LatestQuery) async -> LatestAnswer {
        let now = clock.moment
        let known = latestCache.withLock { $0.entry(for: query, now: now) }
        let peers = peers
        async let others = peers.ask(peers.owners, within: Self.peerPatience) { owner in
            try await peers.scoring(of: owner).wholeLatest(query, known: known.parts[owner]?.reply)
        }
        let own = try? await scoring.wholeLatest(query, known: known.parts[owner]?.reply)
        let answers = await others
        var replies = Dictionary(answers.given.map { ($0.owner, $0.answer) }) { first, _ in first }
        if let own { replies[owner] = own }
        if let answer = known.answer, Set(replies.keys) == Set(known.parts.keys),
            replies.values.allSatisfy(\.isUnchanged)
        {
            return answer
        }
        var entry = LatestCache.Entry()
        for (owner, reply) in replies {
            guard reply.isUnchanged else {
                entry.parts[owner] = LatestCache.Part(
                    reply: reply, validUntil: now.advanced(byMicroseconds: reply.validFor))
                continue
            }
            entry.parts[owner] = known.parts[owner]
        }
        let answer = await answer(to: query, from: entry.parts.values.map(\.reply), missing: answers.missing)
        // A part that the store filled in is not known to be right a moment later.
        entry.answer = answer.isWhole ? answer.answer : nil
        if query.since == nil { latestCache.withLock { $0.keep(entry, for: query) } }
        return answer.answer
    }

    private func answer(
        to query: LatestQuery, from replies: [LatestReply], missing: [Owner]
    ) async -> (answer: LatestAnswer, isWhole: Bool) {
        var parts = replies.map(\.devices)
        var warm = SlotSet()
        for reply in replies { warm.formUnion(reply.warm) }
        let cold = (query.device.map { [Slot(of: $0)] } ?? warm.missing.slots).filter { !warm.contains($0) }
        if cold.isEmpty {
            return (LatestAnswer(gathering: parts, missing: [], limit: query.limit), missing.isEmpty)
        }
        if let filled = await stored(query, in: cold) {
            parts.append(filled)
            return (LatestAnswer(gathering: parts, missing: [], limit: query.limit), false)
        }
        let ring = ring.withLock { $0 }
        let owners = Set(cold.map { ring.owner(of: $0)?.name ?? settings.name })
        return (
            LatestAnswer(gathering: parts, missing: Array(owners.union(missing.map(\.name))), limit: query.limit), false
        )
    }

    /// The store's last rows of the slots that nobody answered for; nil if it does not answer in time either.
    private func stored(_ query: LatestQuery, in slots: [Slot]) async -> [LatestDevice]? {
        guard let rows = await fills.rows(in: slots, within: Self.fillPatience) else { return nil }
        let states = Dictionary(rows.map { ($0.series, SeriesState($0)) }) { first, _ in first }
        let builder = LatestBuilder(
            query: query, now: clock.instant, inactiveAfter: settings.inactiveAfter.microseconds)
        return builder.rows(from: [states]).devices
    }
}
