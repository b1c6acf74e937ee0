import CoreMetrics
import DataPlane
import HashRing
import Logging
import Ports
import Telemetry

/// Series that stop reporting: the slots notice, here it is told.
extension Scoring {
    /// With every tick of the slot.
    func noticeSilences(in index: Int) {
        guard listens else { return }
        let now = clock.moment
        let noticed = slots[index].takeSilences(now, noticed: clock.instant, atMost: silences.room)
        guard !noticed.isEmpty else { return }
        changes &+= 1
        silences.note(noticed)
        NodeMetrics.silences.increment(by: noticed.count)
        guard feed.isWatched(now) else { return }
        for silence in noticed { row(of: silence.series, isSilent: true).map { feed.note(silent: $0) } }
    }

    func hearAgain(_ end: SilenceEnd) {
        let droppedCount = silences.droppedCount
        silences.note(end)
        if droppedCount == 0, silences.droppedCount > 0 {
            logger.warning(
                "more silences ended than are kept while the store is away: the oldest will look as if they lasted",
                metadata: ["kept": "\(SilenceLog.endedMax)"])
        }
        guard end.end == end.start, feed.isWatched(clock.moment) else { return }
        row(of: end.series, isSilent: false).map { feed.note(heardAgain: $0) }
    }

    /// The store's answer is not waited for by anything else: what it did not take is told with the next flush.
    func tellSilences() async {
        let (began, ended) = silences.next
        guard !began.isEmpty || !ended.isEmpty else { return }
        guard let unknown = try? await store.note(began, ended: ended) else { return }
        silences.forget(began, ended: ended, but: Set(unknown), at: clock.instant)
    }

    private func row(of series: Series, isSilent: Bool) -> LiveReading? {
        guard let state = slots[Int(Slot(of: series.device).number)].series?[series], let time = state.time else {
            return nil
        }
        return LiveReading(
            device: series.device,
            metric: LatestMetric(
                metric: series.metric, value: state.value, verdict: state.verdict, time: time, isSilent: isSilent))
    }
}
