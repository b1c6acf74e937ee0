import Distributed
import HashRing
package import Ports
import Synchronization
import Telemetry

/// The live feed of the whole flock, made only while somebody listens.
extension Node {
    /// Pause between two batches: a series is shown at most four times a second.
    static let livePeriod = Duration.milliseconds(250)
    /// How long an owner may take to say what changed.
    static let livePatience = Duration.milliseconds(200)

    package func subscribe(_ sink: any LiveSink) { live.add(sink) }

    func publishLive() async {
        var cursors: [Owner: UInt64] = [:]
        var episodes = LiveEpisodes()
        while (try? await Task.sleep(for: Self.livePeriod)) != nil {
            guard live.hasListeners else {
                // What went on meanwhile nobody heard: the next listener must not get ends of a pause ago.
                cursors = [:]
                episodes = LiveEpisodes()
                continue
            }
            let known = cursors
            let peers = peers
            let answers = await peers.ask([owner] + peers.owners, within: Self.livePatience) { [scoring, owner] asked in
                let actor = asked == owner ? scoring : try peers.scoring(of: asked)
                return try await actor.changes(LiveCall(cursor: known[asked]))
            }
            var readings: [LiveReading] = []
            cursors = [:]
            for (owner, reply) in answers.given {
                cursors[owner] = reply.cursor
                readings += reply.readings
            }
            // Who did not answer is asked again from where it stood.
            for owner in answers.missing { cursors[owner] = known[owner] }
            let now = clock.instant
            let incidents = incidentNews.withLock { news in
                defer { news = [] }
                return news
            }
            live.publish(
                readings: Self.newest(of: readings), anomalies: episodes.take(readings, at: now) + incidents, at: now)
        }
    }

    /// One a series, in the order in which they came. A silence has the time of the reading before it, and comes after.
    static func newest(of readings: [LiveReading]) -> [LiveReading] {
        var places: [Series: Int] = [:]
        var rows: [LiveReading] = []
        for reading in readings {
            if let place = places[reading.series] {
                if reading.metric.time >= rows[place].metric.time { rows[place] = reading }
            } else {
                places[reading.series] = rows.count
                rows.append(reading)
            }
        }
        return rows
    }
}
