import Lease
import Telemetry

/// A clock that runs at a speed of its own.
struct DriftingClock {
    /// Thousandths of true time.
    let permille: Int64
    let offset: Int64

    /// What it shows at a true time.
    func reads(at now: Moment) -> Moment {
        Moment(microseconds: now.microseconds * permille / 1_000 + offset)
    }
}

/// Keeps one lease in memory, as a Redis server does, by its own clock.
struct VirtualKeeper {
    let clock: DriftingClock
    let ttl: Int64
    let fault: PlantedLeaseFault?
    private(set) var owner: LeaseOwner?
    private var endsAt = Moment(microseconds: .min)

    init(clock: DriftingClock, ttl: Int64, fault: PlantedLeaseFault?) {
        self.clock = clock
        self.ttl = ttl
        self.fault = fault
    }

    mutating func empty() { owner = nil }

    mutating func perform(_ request: LeaseRequest, at now: Moment) -> LeaseAnswer {
        let time = clock.reads(at: now)
        if time >= endsAt { owner = nil }
        switch request.operation {
        case .acquire:
            guard owner == nil else { return .refused }
        case .renew:
            guard owner == request.owner || fault == .renewalUncompared else { return .refused }
        case .release:
            guard owner == request.owner || fault == .releaseUncompared else { return .refused }
            owner = nil
            return .granted
        }
        owner = request.owner
        endsAt = time.advanced(byMicroseconds: ttl)
        return .granted
    }
}

/// The store's part: a row of token and holder, and the check in each effect's transaction.
struct VirtualTokens {
    let fault: PlantedLeaseFault?
    private(set) var newest: UInt64 = 0
    private(set) var holder = ""
    private(set) var effectsCount = 0
    private(set) var refusalsCount = 0

    init(fault: PlantedLeaseFault?) {
        self.fault = fault
    }

    /// At an election.
    mutating func mint(for holder: String) -> UInt64 {
        newest += 1
        self.holder = holder
        return newest
    }

    /// - Returns: whether the transaction with the effect was committed.
    mutating func commit(_ token: UInt64, of holder: String) -> Bool {
        let isNewest = token == newest && holder == self.holder
        guard isNewest || fault == .tokenUnchecked else {
            refusalsCount += 1
            return false
        }
        effectsCount += 1
        return true
    }
}
