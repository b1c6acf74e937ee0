import DataPlane
import Detection
import HashRing
import LogFormat
import Ports
import Telemetry

/// A node: a name, a folder, and while it is up a process with the very cores of the real one.
struct VirtualNode {
    let name: String
    var folder: Int
    /// Microseconds that its clock is ahead.
    let clockSkew: Int64
    var livesCount: UInt64 = 0
    var life: Life?
    var isolatedUntil = Moment(microseconds: .min)
    /// Which side of a split it is on.
    var isOnSide = false
    var ringlessUntil = Moment(microseconds: .min)
    /// It hears nothing of changes.
    var staleUntil = Moment(microseconds: .min)
    /// It takes calls and does nothing, and gossip thinks it well.
    var swallowsUntil = Moment(microseconds: .min)
    var diskFailsNext = false

    /// One process. A class, since it is reached through its node thousands of times a second.
    final class Life {
        let number: UInt64
        var core: IngestCore
        var slots: [Slot: SlotCore] = [:]
        var references: [Slot: OwnerReference] = [:]
        var models: ModelRegistry
        var ring = Ring([])
        /// The last ring with members.
        var ringBefore: Ring?
        var pausedSince: Moment?
        /// What came while it was paused.
        var deferred: [Delivery] = []
        var isStopping = false
        var ticksCount = 0

        // Clients that wait.
        var requests: [IngestCore.RequestID: ReadingBatch] = [:]
        var requestsCount: UInt64 = 0

        // Calls at this owner.
        var tickets: [SlotCore.Ticket: Arrival] = [:]
        var ticketsCount: UInt64 = 0
        /// Pulls at this owner, by ticket.
        var pulls: [SlotCore.PullTicket: (slot: Slot, by: Owner)] = [:]

        // Calls of this origin, as the outside sees them.
        var open: [Owner: OpenCall] = [:]
        var asked = AskedOrder()
        /// How often in a row a slot's readings were sent on.
        var movesInRow: [Slot: Int] = [:]
        var ordersCount = 0

        init(number: UInt64, core: IngestCore, models: ModelRegistry) {
            self.number = number
            self.core = core
            self.models = models
        }
    }

    struct OpenCall {
        let number: CallNumber
        let slots: Set<Slot>
        let deadline: Moment
    }

    /// A slot's readings are asked for in the order of the log: none for the first time behind a later one.
    struct AskedOrder {
        private var newest: [SlotOfLog: LogPosition] = [:]
        private var known: [LogID: Set<LogPosition>] = [:]

        private struct SlotOfLog: Hashable {
            let log: LogID
            let slot: Slot
        }

        mutating func note(_ position: LogPosition, _ slot: Slot, of log: LogID) -> Bool {
            guard known[log, default: []].insert(position).inserted else { return true }
            let key = SlotOfLog(log: log, slot: slot)
            guard newest[key].map({ $0 < position }) ?? true else { return false }
            newest[key] = position
            return true
        }
    }

    /// A call that arrived.
    struct Arrival {
        let call: ScoreCall
        let from: Address
        var assembly: ReplyAssembly
    }
}

/// One process of one node; what is sent to a process that is gone is lost.
struct Address: Hashable {
    let node: Int
    let life: UInt64
}

/// What reaches a process.
enum Delivery {
    case event(IngestCore.Event)
    case ring(Ring)
    case batch(ReadingBatch)
    case call(ScoreCall, from: Address)
    case pull(Slot, by: Owner)
    case gift(Slot, SlotCore.Gift, OwnerReference, from: Owner)
    case pullFailed(Slot, from: Owner)
    case offer(Slot, by: Owner)
    case warmed(Slot, [LatestRow], [Tombstone])
    case warmFailed(Slot)
    case flushed([LatestRow])
    case forget(DeviceID, at: Instant)
    case tick
    case flush
}

/// What happens outside of processes.
enum Happening {
    case step(Int)
    case deliver(Address, Delivery)
    case write(Address, IngestCore.AppendNumber, [LogRecord])
    case sync(Address, folder: Int, IngestCore.AppendNumber, [LogRecord])
    case disk(Address, IngestCore.Effect)
    case ask(Address, StoreCall, epoch: Int, isSilent: Bool)
    case look(node: Int)
    case resume(Address)
    case start(node: Int)
    case exit(Address)
}

/// What a process asks of the store.
enum StoreCall {
    case claim(LogID, from: WriterID, WriterID)
    case register(LogID, WriterID, replacing: LogID?)
    case row(LogID)
    case commit(StoreTransaction)
    case warm(Slot)
    case flush([LatestRow])

    /// It changes the log's row, so an answer that is lost leaves a doubt.
    var movesRow: Bool {
        switch self {
        case .claim, .register, .commit: true
        case .row, .warm, .flush: false
        }
    }
}
