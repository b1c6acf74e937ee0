import Lease
import Telemetry

/// A few nodes that seek one lease, its keeper and the store with its tokens, on virtual clocks that drift.
///
/// Checked from outside, after every event: of the nodes that run, at most one may act, unless the keeper was emptied
/// less than a TTL ago; and no effect is committed under a token older than the newest.
struct LeaseWorld {
    enum Happening {
        case tick
        /// A question comes to the keeper.
        case asked(LeaseRequest)
        /// An answer, or word that none will come, comes to a node.
        case told(LeaseCore.Event)
        case work
        case minting(term: UInt64)
        case minted(term: UInt64, token: UInt64)
        case effect(term: UInt64, token: UInt64)
        case refused(term: UInt64)
        case start
        /// What waited for a paused node, or for the paused keeper, goes on.
        case woken
        case keeperWoken
    }

    /// Of one life of one node; what is meant for a life that ended comes to nobody.
    struct Item {
        let node: Int
        let life: UInt64
        let happening: Happening
    }

    struct Node {
        let name: String
        let clock: DriftingClock
        var core: LeaseCore
        var life: UInt64 = 0
        var isUp = false
        var pausedUntil = Moment(microseconds: .min)
        var questionsCutUntil = Moment(microseconds: .min)
        var answersCutUntil = Moment(microseconds: .min)
        /// What came while it stood still.
        var inbox: [Item] = []
        /// How long it stands still at its next act.
        var freeze: Int64?
        /// After a leave.
        var returnsAfter: Int64 = 0
        var token: (term: UInt64, number: UInt64)?
        /// What a driver with a planted fault believes instead of the core.
        var believed: (term: UInt64, until: Moment)?
    }

    let scenario: LeaseScenario
    let limits: LeaseLimits
    let fault: PlantedLeaseFault?
    var random: SeededGenerator
    var agenda = Agenda<Item>()
    var now = Moment(microseconds: 0)
    var nodes: [Node]
    var keeper: VirtualKeeper
    var tokens: VirtualTokens
    var trace: Trace
    var isStorm = false
    var keeperPausedUntil = Moment(microseconds: .min)
    var keeperInbox: [Item] = []
    var keeperDownUntil = Moment(microseconds: .min)
    var keeperEmptiedAt = Moment(microseconds: .min / 2)
    /// The newest that the checks saw.
    var newestSeen: UInt64 = 0
    var endsCount = 0
    var excusedCount = 0
    var problems: [String] = []

    init(_ scenario: LeaseScenario, fault: PlantedLeaseFault?, isTraced: Bool) {
        self.scenario = scenario
        self.fault = fault
        limits = LeaseLimits(ttl: scenario.ttl)
        random = SeededGenerator(seed: scenario.seed)
        let limits = limits
        nodes = scenario.nodePermilles.enumerated().map { index, permille in
            Node(
                name: "n\(index)", clock: DriftingClock(permille: permille, offset: Int64(index) * 1_000_000_007),
                core: LeaseCore(life: WriterID(0), seed: 0, limits: limits))
        }
        keeper = VirtualKeeper(
            clock: DriftingClock(permille: scenario.keeperPermille, offset: 77), ttl: scenario.ttl, fault: fault)
        tokens = VirtualTokens(fault: fault)
        trace = Trace(isRecorded: isTraced)
        for node in nodes.indices { start(node) }
    }

    mutating func start(_ index: Int) {
        guard !nodes[index].isUp else { return }
        nodes[index].life += 1
        nodes[index].isUp = true
        nodes[index].token = nil
        nodes[index].believed = nil
        nodes[index].core = LeaseCore(
            life: WriterID(using: &random), seed: random.next(), limits: limits)
        step(index, .started)
        after(Int64(random.draw(below: Int(limits.tickInterval))), index, .tick)
        after(workPause, index, .work)
    }

    // MARK: Time

    mutating func after(_ delay: Int64, _ node: Int, _ happening: Happening) {
        agenda.add(
            Item(node: node, life: nodes[node].life, happening: happening), at: now.advanced(byMicroseconds: delay))
    }

    /// Lets things happen until a true time.
    mutating func run(until end: Moment) {
        while let at = agenda.nextAt, at <= end, let (_, item) = agenda.next() {
            now = at
            perform(item)
            check()
        }
        now = end
    }

    private mutating func perform(_ item: Item) {
        let index = item.node
        switch item.happening {
        case .asked, .minting, .effect: performOutside(item)
        case .woken: wake(index)
        case .keeperWoken: wakeKeeper()
        case .start: if item.life == nodes[index].life { start(index) }
        case .tick, .told, .work, .minted, .refused:
            guard item.life == nodes[index].life, nodes[index].isUp else { return }
            guard nodes[index].pausedUntil <= now else {
                if nodes[index].inbox.isEmpty { agenda.add(woken(.woken, index), at: nodes[index].pausedUntil) }
                nodes[index].inbox.append(item)
                return
            }
            performInside(item)
        }
    }

    private func woken(_ happening: Happening, _ index: Int) -> Item {
        Item(node: index, life: 0, happening: happening)
    }

    mutating func wake(_ index: Int) {
        guard nodes[index].pausedUntil <= now else {
            agenda.add(woken(.woken, index), at: nodes[index].pausedUntil)
            return
        }
        for item in nodes[index].inbox { agenda.add(item, at: now) }
        nodes[index].inbox = []
    }

    mutating func wakeKeeper() {
        guard keeperPausedUntil <= now else {
            agenda.add(woken(.keeperWoken, 0), at: keeperPausedUntil)
            return
        }
        for item in keeperInbox { agenda.add(item, at: now) }
        keeperInbox = []
    }

    private mutating func performInside(_ item: Item) {
        let index = item.node
        switch item.happening {
        case .tick:
            step(index, .tick)
            // In the node's own time.
            after(limits.tickInterval * 1_000 / nodes[index].clock.permille, index, .tick)
        case .told(let event): step(index, numbered(event, index))
        case .work:
            work(index)
            after(workPause, index, .work)
        case .minted(let term, let token): nodes[index].token = (term, token)
        case .refused(let term):
            if nodes[index].core.term?.number == term { step(index, .stepDown) }
        default: break
        }
    }

    /// The keeper's and the store's part: it goes on when the node that asked does not.
    private mutating func performOutside(_ item: Item) {
        let index = item.node
        func back(_ world: inout LeaseWorld, _ happening: Happening) {
            world.agenda.add(
                Item(node: index, life: item.life, happening: happening),
                at: world.now.advanced(byMicroseconds: world.storeDelay))
        }
        switch item.happening {
        case .asked(let request): ask(request, item)
        case .minting(let term):
            let token = tokens.mint(for: "\(nodes[index].name)/\(item.life)")
            newestSeen += 1
            trace.note(now, "minted", token, UInt64(index), text: "\(token) for \(nodes[index].name)")
            back(&self, .minted(term: term, token: token))
        case .effect(let term, let token):
            let isCommitted = tokens.commit(token, of: "\(nodes[index].name)/\(item.life)")
            trace.note(
                now, "effect", token, isCommitted ? 1 : 0,
                text: "of \(nodes[index].name) under \(token): \(isCommitted ? "committed" : "refused")")
            if isCommitted, token != newestSeen { fail("an effect under \(token), the newest is \(newestSeen)") }
            if !isCommitted { back(&self, .refused(term: term)) }
        default: break
        }
    }

    private mutating func ask(_ request: LeaseRequest, _ item: Item) {
        if now < keeperPausedUntil {
            if keeperInbox.isEmpty { agenda.add(woken(.keeperWoken, 0), at: keeperPausedUntil) }
            keeperInbox.append(item)
            return
        }
        guard now >= keeperDownUntil else {
            if drawn(percent: 50) { answer(.failed(request.number), item) }
            return
        }
        let answered = keeper.perform(request, at: now)
        trace.note(
            now, "keeper", request.number, UInt64(item.node),
            text: "\(nodes[item.node].name) \(request.operation) \(request.owner): \(answered)")
        answer(.answered(request.number, answered), item)
    }

    private mutating func answer(_ event: LeaseCore.Event, _ item: Item) {
        for delay in journeys(isCut: now < nodes[item.node].answersCutUntil) {
            agenda.add(
                Item(node: item.node, life: item.life, happening: .told(event)),
                at: now.advanced(byMicroseconds: delay))
        }
    }
}
