import Ports
import Telemetry

/// Silences that began and that ended, kept until the store was told.
struct SilenceLog {
    /// Silences kept; those beyond it are noticed later, when there is room.
    static let beganMax = 20_000
    /// Ends kept; beyond it the oldest are dropped, and a silence stays open in the store that is over.
    static let endedMax = 20_000
    /// How long a silence waits for the store to learn of its series, in microseconds: its readings may be behind others.
    static let unknownKept: Int64 = 3_600_000_000
    /// Of each, told to the store at once.
    static let toldMax = 5_000

    private(set) var began: [Silence] = []
    private(set) var ended: [SilenceEnd] = []
    /// Ends that were dropped since the store was last told something.
    private(set) var droppedCount = 0

    /// For silences.
    var room: Int { max(0, Self.beganMax - began.count) }

    mutating func note(_ silences: [Silence]) { began += silences }

    mutating func note(_ end: SilenceEnd) {
        ended.append(end)
        // Twice the bound before it is cut, so that cutting costs little an end.
        guard ended.count > 2 * Self.endedMax else { return }
        droppedCount += ended.count - Self.endedMax
        ended.removeFirst(ended.count - Self.endedMax)
    }

    /// What the store is told next; ends once it knows of all that began before, since it leaves out others.
    var next: (began: [Silence], ended: [SilenceEnd]) {
        (Array(began.prefix(Self.toldMax)), began.count > Self.toldMax ? [] : Array(ended.prefix(Self.toldMax)))
    }

    /// The store knows them.
    /// - Parameter unknown: but for these series: their silences are told again, behind all others, and so are their ends.
    mutating func forget(
        _ silences: [Silence], ended ends: [SilenceEnd], but unknown: Set<Series> = [], at now: Instant = .distantPast
    ) {
        let told = Set(silences)
        // Of those that are still here: a device may have been deleted while the store was told.
        let kept =
            unknown.isEmpty
            ? []
            : began.filter {
                told.contains($0) && unknown.contains($0.series)
                    && now.microseconds(since: $0.noticed) < Self.unknownKept
            }
        let awaited = Set(kept.map(\.series))
        let toldEnds = Set(ends.filter { !awaited.contains($0.series) })
        began.removeAll { told.contains($0) }
        began += kept
        ended.removeAll { toldEnds.contains($0) }
        droppedCount = 0
    }

    /// It was deleted: nobody misses what was noticed of it until then.
    mutating func forget(_ device: DeviceID, noticedUntil time: Instant) {
        let gone = Set(began.filter { $0.series.device == device && $0.noticed <= time })
        guard !gone.isEmpty || ended.contains(where: { $0.series.device == device }) else { return }
        began.removeAll { gone.contains($0) }
        // Ends of what is still told are told after it.
        let left = Set(began.lazy.filter { $0.series.device == device }.map(\.start))
        ended.removeAll { $0.series.device == device && !left.contains($0.start) }
    }
}
