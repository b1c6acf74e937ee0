import Lease
import Telemetry

extension LeaseWorld {
    // MARK: A node

    mutating func step(_ index: Int, _ event: LeaseCore.Event) {
        let time = nodes[index].clock.reads(at: now)
        let before = nodes[index].core.term
        for effect in nodes[index].core.handle(event, now: time) {
            trace.note(now, "node", UInt64(index), text: "\(nodes[index].name) \(effect)")
            switch effect {
            case .ask(let request): send(request, from: index)
            case .elected(let term):
                agenda.add(
                    Item(node: index, life: nodes[index].life, happening: .minting(term: term.number)),
                    at: now.advanced(byMicroseconds: storeDelay))
            case .ended(let end):
                endsCount += 1
                if end != .ranOut { nodes[index].believed = nil }
            case .keeperChanged: break
            case .left:
                nodes[index].isUp = false
                after(nodes[index].returnsAfter, index, .start)
            }
        }
        if let term = nodes[index].core.term, term.until != before?.until { believe(term, index, time) }
    }

    private mutating func send(_ request: LeaseRequest, from index: Int) {
        var request = request
        if fault == .ownerUsedAgain {
            let owner = LeaseOwner(life: request.owner.life, attempt: 0)
            request = LeaseRequest(number: request.number, operation: request.operation, owner: owner)
        }
        for delay in journeys(isCut: now < nodes[index].questionsCutUntil) { after(delay, index, .asked(request)) }
    }

    mutating func work(_ index: Int) {
        guard let token = nodes[index].token, mayAct(index, inTerm: token.term) else { return }
        var delay = storeDelay
        if let freeze = nodes[index].freeze {
            nodes[index].freeze = nil
            nodes[index].pausedUntil = now.advanced(byMicroseconds: freeze)
            delay += freeze
            trace.note(now, "frozen", UInt64(index), text: "\(nodes[index].name) in an act under \(token.number)")
        }
        after(delay, index, .effect(term: token.term, token: token.number))
    }

    func mayAct(_ index: Int, inTerm term: UInt64) -> Bool {
        let time = nodes[index].clock.reads(at: now)
        if let believed = nodes[index].believed { return believed.term == term && time < believed.until }
        return nodes[index].core.mayAct(inTerm: term, now: time)
    }

    // MARK: Drivers with faults

    func numbered(_ event: LeaseCore.Event, _ index: Int) -> LeaseCore.Event {
        guard fault == .lateAnswerAccepted, case .answered(_, let answer) = event,
            let call = nodes[index].core.phase.call
        else { return event }
        return .answered(call.request.number, answer)
    }

    private mutating func believe(_ term: LeaseTerm, _ index: Int, _ time: Moment) {
        switch fault {
        case .rightFromAnswer: nodes[index].believed = (term.number, time.advanced(byMicroseconds: limits.right))
        case .driftIgnored:
            nodes[index].believed = (term.number, term.until.advanced(byMicroseconds: limits.margin))
        default: break
        }
    }
}
