package import ControlPlane
package import Membership
package import Telemetry

/// Nodes on one virtual time, each with a clock of its own, and a network that loses, delays, doubles, reorders and
/// cuts. It drives the control plane of a node and passes every datagram through its bytes. Everything is drawn from
/// the seed.
package struct VirtualFlock: Sendable {
    /// One process; its name may be that of an older one.
    package struct Node: Sendable {
        package let name: String
        package internal(set) var address: MemberAddress
        package internal(set) var plane: ControlPlane?
        package internal(set) var isPaused = false
        package internal(set) var packetsCount = 0
        package internal(set) var bytesCount = 0
        /// Strangers' flocks that it was told of.
        package internal(set) var strangers: [UInt64] = []
        /// Nodes whose names it was given.
        var seeds: [Int]
        var flock: UInt64
        /// Grows with each start: ticks of an older life end.
        var life = 0
        var pausesCount = 0
        var held: [Datagram] = []
        var lastTick = Moment(microseconds: 0)
        /// Parts in a million by which its clock runs fast, and where it began.
        var drift: Int64 = 0
        var clockStart: Int64 = 0
        /// Nobody may be surprised at its death before.
        var excusedUntil = Moment(microseconds: .min)
        /// Rows as last told, of this life.
        var told: [String: Member] = [:]
    }

    struct Datagram: Sendable {
        let bytes: [UInt8]
        let from: MemberAddress
        let to: MemberAddress
    }

    enum Step: Sendable {
        case start(node: Int)
        case tick(node: Int, life: Int)
        case arrival(Datagram)
        case resume(node: Int, pause: Int)
        case heal(id: Int)
    }

    struct Cut: Sendable {
        let id: Int
        let from: Set<Int>
        let to: Set<Int>
        /// Of the datagrams that are lost; 1 is all.
        let loss: Double
    }

    /// What the network does.
    package struct Weather: Hashable, Sendable {
        package var loss = 0.0
        package var doubling = 0.0
        /// In microseconds, each datagram's own: so they overtake each other.
        package var delay: ClosedRange<Int> = 100...1_000

        package init() {}
    }

    static let tick: Int64 = 100_000
    /// How late a tick may be on a machine that has other things to do.
    static let tickLate = 10_000
    /// What the socket of a node that stands still keeps.
    static let heldMax = 200
    package static let flockID: UInt64 = 7

    package let mistake: PlantedMistake?
    package internal(set) var now = Moment(microseconds: 0)
    package internal(set) var nodes: [Node] = []
    package internal(set) var failures: [String] = []
    package internal(set) var trace: Trace
    package var weather = Weather()
    /// Changes that nodes were told of.
    package internal(set) var changesCount = 0
    package var packetsCount: Int { nodes.reduce(0) { $0 + $1.packetsCount } }
    package var bytesCount: Int { nodes.reduce(0) { $0 + $1.bytesCount } }
    var random: SeededGenerator
    var cuts: [Cut] = []
    var cutsCount = 0
    var movesCount = 0
    var agenda = FlockAgenda<Step>()
    var indexes: [MemberAddress: Int] = [:]
    var incarnations: [String: UInt64] = [:]
    /// The highest revision that each life ever had: nobody else may raise it.
    var lives: [MemberID: UInt64] = [:]
    /// Whether everything that a node is told is checked and traced: not in large flocks that are only measured.
    let isChecked: Bool
    let limits: MembershipLimits

    /// - Parameter driftMax: of clocks, in parts in a million.
    package init(
        _ count: Int, seed: UInt64, mistake: PlantedMistake? = nil, isChecked: Bool = false, isTraced: Bool = false,
        driftMax: Int = 1_000, limits: MembershipLimits = MembershipLimits()
    ) {
        self.mistake = mistake
        self.isChecked = isChecked
        self.limits = limits
        trace = Trace(isRecorded: isTraced)
        random = SeededGenerator(seed: seed)
        let seeds = Array(0..<min(2, count))
        for index in 0..<count {
            var node = Node(
                name: "n\(index)", address: Self.address(of: index), seeds: seeds, flock: Self.flockID)
            node.drift = Int64(random.draw(below: 2 * driftMax + 1) - driftMax)
            node.clockStart = Int64(random.draw(below: 1_000_000_000))
            nodes.append(node)
            indexes[node.address] = index
        }
    }

    static func address(of index: Int, port: UInt16 = 7946) -> MemberAddress {
        MemberAddress(host: "10.0.\(index / 250).\(index % 250 + 1)", port: port)
    }

    package var running: [Int] { nodes.indices.filter { nodes[$0].plane != nil } }

    /// What the clock of a node shows.
    func clock(of index: Int) -> Moment {
        let time = now.microseconds
        return Moment(microseconds: nodes[index].clockStart + time + time / 1_000_000 * nodes[index].drift)
    }

    mutating func draw(_ bound: Int64) -> Int64 { Int64(random.draw(below: Int(max(1, bound)))) }

    // MARK: Processes

    package mutating func startAll(within time: Int64 = 0) {
        for index in nodes.indices {
            if time == 0 { start(index) } else { agenda.add(.start(node: index), at: later(draw(time))) }
        }
    }

    /// Who joins where: those named, instead of the first two of the flock.
    package mutating func join(_ index: Int, seeds: [Int], flock: UInt64 = VirtualFlock.flockID) {
        nodes[index].seeds = seeds
        nodes[index].flock = flock
    }

    package mutating func start(_ index: Int) {
        let name = nodes[index].name
        var incarnation = incarnations[name] ?? 0
        if mistake != .incarnationReused || incarnation == 0 { incarnation += 1 }
        start(index, incarnation: incarnation)
    }

    mutating func start(_ index: Int, incarnation: UInt64) {
        let id = MemberID(name: nodes[index].name, address: nodes[index].address, incarnation: incarnation)
        incarnations[id.name] = max(incarnations[id.name] ?? 0, incarnation)
        indexes[id.address] = index
        let metadata = MemberMetadata(httpAddress: "\(id.address.host):8080", version: "0.4.0")
        nodes[index].plane = ControlPlane(
            MembershipCore(
                id: id, flock: nodes[index].flock, metadata: metadata, seed: random.next(), limits: limits))
        nodes[index].told = [:]
        nodes[index].held = []
        nodes[index].isPaused = false
        nodes[index].life += 1
        note("start", index, "\(id)")
        let seeds = seeds(of: index)
        handle(.started(seeds: seeds, isToldToJoin: seeds.contains { $0 != id.address }), at: index)
        agenda.add(.tick(node: index, life: nodes[index].life), at: later(draw(Self.tick)))
    }

    package mutating func crash(_ index: Int) {
        note("crash", index, "")
        nodes[index].plane = nil
    }

    package mutating func leave(_ index: Int) { handle(.leave, at: index) }

    package mutating func change(_ metadata: MemberMetadata, at index: Int) {
        handle(.metadataChanged(metadata), at: index)
    }

    package mutating func pause(_ index: Int, for time: Int64) {
        note("pause", index, "\(time)")
        nodes[index].isPaused = true
        nodes[index].pausesCount += 1
        excuse([index], until: later(time + Self.excuse))
        agenda.add(.resume(node: index, pause: nodes[index].pausesCount), at: later(time))
    }

    mutating func resume(_ index: Int) {
        guard nodes[index].isPaused else { return }
        note("resume", index, "")
        nodes[index].isPaused = false
        let held = nodes[index].held
        nodes[index].held = []
        if mistake == .ticksMadeUp { makeUpTicks(index) }
        for datagram in held { receive(datagram, at: index) }
    }

    /// Where the names of the seeds lead now.
    func seeds(of index: Int) -> [MemberAddress] {
        nodes[index].seeds.map { seed in
            let name = nodes[seed].name
            return (nodes.last { $0.name == name && $0.plane != nil } ?? nodes[seed]).address
        }
    }

    // MARK: Time

    func later(_ time: Int64) -> Moment { now.advanced(byMicroseconds: time) }

    package mutating func run(for time: Int64) { _ = run(for: time) { _ in false } }

    /// Runs until `isDone`, looked at every `looks` µs; the time that it took, or nil when all of it passed before.
    @discardableResult package mutating func run(
        for time: Int64, looks: Int64 = 10_000, until isDone: (VirtualFlock) -> Bool
    ) -> Int64? {
        let start = now
        let end = later(time)
        var look = later(looks)
        while let at = agenda.nextMoment, at <= end {
            if at > look {
                now = look
                if isDone(self) { return look.microseconds - start.microseconds }
                look = at.advanced(byMicroseconds: looks)
            }
            guard let step = agenda.next() else { break }
            now = at
            perform(step)
        }
        now = end
        return isDone(self) ? time : nil
    }

    private mutating func perform(_ step: Step) {
        switch step {
        case .start(let index): start(index)
        case .tick(let index, let life):
            guard nodes[index].plane != nil, nodes[index].life == life else { return }
            if !nodes[index].isPaused { tick(index) }
            agenda.add(step, at: later(Self.tick + draw(Int64(Self.tickLate))))
        case .arrival(let datagram):
            guard let index = indexes[datagram.to], nodes[index].address == datagram.to, nodes[index].plane != nil
            else { return }
            guard nodes[index].isPaused else { return receive(datagram, at: index) }
            if nodes[index].held.count < Self.heldMax { nodes[index].held.append(datagram) }
        case .resume(let index, let pause): if nodes[index].pausesCount == pause { resume(index) }
        case .heal(let id): cuts.removeAll { $0.id == id }
        }
    }

    private mutating func tick(_ index: Int) {
        nodes[index].lastTick = clock(of: index)
        handle(.tick, at: index)
    }

    /// A planted mistake: time seems never to have stood still.
    private mutating func makeUpTicks(_ index: Int) {
        let end = clock(of: index)
        var time = nodes[index].lastTick.advanced(byMicroseconds: Self.tick)
        while time < end {
            handle(.tick, at: index, clock: time)
            time = time.advanced(byMicroseconds: Self.tick)
        }
    }

}
