import AccessKeys
import Admission
import Synchronization
import Telemetry

/// Who may send how much to this node, and which series there is room for.
///
/// Rates are this node's own: a device that sends to three nodes may send three times as much.
final class AdmissionControl: Sendable {
    struct Wait {
        let seconds: Int
        /// The key's limit, not the device's.
        let isOfKey: Bool
    }

    enum Room {
        case known, new, none
    }

    private let devices: Locked<TokenBuckets>?
    private let keys: Locked<TokenBuckets>?
    private let roster: Locked<SeriesRoster>?
    private let seriesMax: Int
    /// Woken when the store should be asked which series there are.
    private let wants: AsyncStream<Void>.Continuation
    let updatesWanted: AsyncStream<Void>

    /// When a sender whose series found no room should ask again: people make room, not time.
    static let fullRetrySeconds = 60
    /// New series after which the store is asked again.
    private static let newMax = 1_000

    init(_ settings: HTTPSettings) {
        devices = settings.deviceRate.map { Locked(TokenBuckets(.init(rate: $0))) }
        keys = settings.keyRate.map { Locked(TokenBuckets(.init(rate: $0))) }
        seriesMax = settings.seriesMax ?? .max
        roster = settings.seriesMax.map {
            Locked(SeriesRoster(limit: $0, newMax: Self.newMax, salt: UInt64.random(in: 0...UInt64.max)))
        }
        (updatesWanted, wants) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    // MARK: Rates

    /// Nobody pays for what is refused: a device that is too fast uses up nothing of its key's.
    /// - Returns: nil if they may come.
    func take(_ readings: Int, of device: DeviceID, by caller: Caller) -> Wait? {
        guard devices != nil || keys != nil else { return nil }
        let now = Self.now
        let sender = Self.hash(device)
        var key: UInt64?
        if case .holder(let holder, _) = caller { key = holder.digest.hash }
        if let wait = devices?.value.withLock({ $0.wait(of: sender, now: now) }) {
            return Wait(seconds: Self.seconds(wait), isOfKey: false)
        }
        if let key, let wait = keys?.value.withLock({ $0.take(readings, of: key, now: now) }) {
            return Wait(seconds: Self.seconds(wait), isOfKey: true)
        }
        devices?.value.withLock { $0.charge(readings, to: sender, now: now) }
        return nil
    }

    private static let start = ContinuousClock.now

    /// Nanoseconds since this process first asked, and some, so that a bucket can have been filled before.
    static var now: UInt64 {
        let (seconds, attoseconds) = (ContinuousClock.now - start).components
        return UInt64(clamping: seconds) &* 1_000_000_000 &+ UInt64(clamping: attoseconds / 1_000_000_000)
    }

    private static func seconds(_ nanoseconds: UInt64) -> Int {
        Int(clamping: (nanoseconds + 999_999_999) / 1_000_000_000)
    }

    /// Seeded anew in every process: nobody sends devices that share one bucket.
    private static func hash(_ device: DeviceID) -> UInt64 {
        var hasher = Hasher()
        hasher.combine(device)
        return UInt64(bitPattern: Int64(hasher.finalize()))
    }

    // MARK: Series

    /// A new one has its place reserved until `release`.
    func room(for series: Series) -> Room {
        guard let roster else { return .known }
        let (room, wantsUpdate) = roster.value.withLock { roster in
            if roster.isKnown(roster.hash(of: series)) { return (Room.known, false) }
            let hasRoom = roster.reserve()
            return (hasRoom ? .new : .none, !hasRoom || roster.wantsUpdate)
        }
        if wantsUpdate { wants.yield() }
        return room
    }

    func admit(_ series: [Series]) {
        roster?.value.withLock { roster in
            for one in series { roster.admit(roster.hash(of: one)) }
        }
    }

    func release(_ places: Int) { roster?.value.withLock { $0.release(places) } }

    /// As the reason of a refusal: what stands before it is the series.
    var noRoom: String {
        "finds no room: this flock watches \(seriesMax) series (a metric of a device) and takes no more; delete devices that "
            + "are gone, or raise --series-max"
    }

    /// Known here: about as many as there are in the flock. Nil without a limit.
    var seriesCount: Int? { roster?.value.withLock(\.count) }

    /// - Parameter rows: all that the store holds.
    func learn(_ hashes: Set<UInt64>) {
        let now = Self.now
        roster?.value.withLock { $0.update(stored: hashes, now: now) }
    }

    func hash(of series: Series) -> UInt64 { roster?.value.withLock { $0.hash(of: series) } ?? 0 }
    var hasLimit: Bool { roster != nil }
}

/// A mutex that can be shared, and be missing.
private final class Locked<Value: Sendable>: Sendable {
    let value: Mutex<Value>

    init(_ value: Value) {
        self.value = Mutex(value)
    }
}
