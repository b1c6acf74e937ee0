import Telemetry

/// What comes in, what goes out, and the news that ride on it.
extension MembershipCore {
    struct News: Hashable, Sendable {
        let rumor: Rumor
        let order: UInt64
        var sent = 0
    }

    mutating func receive(_ message: Message, from: MemberAddress, _ now: Moment, _ effects: inout [Effect]) {
        guard phase.speaks else { return }
        guard message.isWithin(limits) else {
            counts.malformed += 1
            return
        }
        guard message.flock == flock else {
            counts.ofOtherFlocks += 1
            return
        }
        guard message.sender != me.id else { return }
        let isTable = message.body == .table
        for rumor in message.rumors {
            take(rumor, isTable: isTable, now, &effects)
            guard phase.speaks else { return }
        }
        answer(message, from: from, now, &effects)
    }

    private mutating func answer(
        _ message: Message, from: MemberAddress, _ now: Moment, _ effects: inout [Effect]
    ) {
        switch message.body {
        case .ping(let number, let target):
            // The address went to this process, and another one is meant: it is as silent as if nobody were here.
            guard target.map({ $0.name == me.name }) ?? true else { return }
            let isKnown = target == me.id
            send(.ack(number), to: from, about: message.sender.name, introduces: !isKnown, &effects)
            pullIfDifferent(message, from: from, now, &effects)
        case .ack(let number):
            answered(number, &effects)
            pullIfDifferent(message, from: from, now, &effects)
        case .pingRequest(let number, let target):
            pingForOther(number, target, asker: from, now, &effects)
        case .nack(let number): nacked(number)
        case .pull(let digests, let isAnswer):
            answerPull(digests, to: from, &effects)
            if !isAnswer { send(.pull(partDigests, isAnswer: true), to: from, about: nil, &effects) }
        case .gossip, .table: break
        }
    }

    private mutating func pullIfDifferent(
        _ message: Message, from: MemberAddress, _ now: Moment, _ effects: inout [Effect]
    ) {
        guard phase == .running, message.digest != digest, now >= nextPullAt else { return }
        nextPullAt = now.advanced(byMicroseconds: limits.pullInterval)
        send(.pull(partDigests, isAnswer: false), to: from, about: nil, &effects)
    }

    /// The rows of the parts that differ, in pieces. Where there are too many the beginning is drawn, so that in the
    /// end all were sent.
    private mutating func answerPull(_ digests: [UInt64], to address: MemberAddress, _ effects: inout [Effect]) {
        let differs = zip(digests, partDigests).map { $0 != $1 }
        var wanted = ring.compactMap { rows[$0.name] }.filter { differs[part(of: $0.member.name)] }
            .map { Rumor($0.member, accuser: $0.suspicion?.accusers.first) }
        if differs[part(of: me.name)] { wanted.append(Rumor(me)) }
        if wanted.count > limits.pullRowsMax {
            let start = random.draw(below: wanted.count)
            wanted = Array((wanted[start...] + wanted[..<start]).prefix(limits.pullRowsMax))
        }
        for start in stride(from: 0, to: wanted.count, by: max(1, limits.piggybackMax)) {
            let piece = Array(wanted[start...].prefix(max(1, limits.piggybackMax)))
            effects.append(.send(message(.table, piece), to: address))
        }
    }

    /// - Parameters:
    ///   - name: of the receiver: what is held against it rides in front.
    ///   - introduces: this node's own row rides too, for who may not know it.
    mutating func send(
        _ body: Message.Body, to address: MemberAddress, about name: String?, introduces: Bool = false,
        _ effects: inout [Effect]
    ) {
        var first: [Rumor] = []
        if let name, let row = rows[name], row.member.status == .suspect || row.member.status == .dead {
            first.append(Rumor(row.member, accuser: row.suspicion?.accusers.first))
        }
        var introduces = introduces
        if case .ping(_, nil) = body { introduces = true }
        if introduces { first.append(Rumor(me)) }
        effects.append(.send(message(body, pickNews(first)), to: address))
    }

    private func message(_ body: Message.Body, _ rumors: [Rumor]) -> Message {
        Message(flock: flock, sender: me.id, digest: digest, body: body, rumors: rumors)
    }

    // MARK: News

    mutating func announce(_ rumor: Rumor) {
        news.removeAll { old in
            let member = old.rumor.member
            guard member.name == rumor.member.name else { return false }
            return member != rumor.member || old.rumor.accuser == rumor.accuser
        }
        if news.count >= limits.rumorsMax,
            let worn = news.indices.max(by: { (news[$0].sent, $1) < (news[$1].sent, $0) })
        {
            news.remove(at: worn)
        }
        newsCount &+= 1
        news.append(News(rumor: rumor, order: newsCount))
    }

    /// What was sent least goes first, of that the newest; then what was sent often enough is no news any more.
    private mutating func pickNews(_ first: [Rumor]) -> [Rumor] {
        guard !news.isEmpty else { return first }
        let room = max(0, limits.piggybackMax - first.count)
        var chosen = Array(news.indices)
        if chosen.count > room {
            chosen.sort { (news[$0].sent, news[$1].order) < (news[$1].sent, news[$0].order) }
            chosen = Array(chosen.prefix(room))
        }
        var rumors = first
        for index in chosen {
            news[index].sent += 1
            if !first.contains(news[index].rumor) { rumors.append(news[index].rumor) }
        }
        let enough = retransmits
        news.removeAll { $0.sent >= enough }
        return rumors
    }

    /// Das, Gupta, Motivala: a multiple of log N reaches everybody with high probability.
    private var retransmits: Int {
        var digits = 1
        var rest = presentCount
        while rest >= 10 {
            rest /= 10
            digits += 1
        }
        return limits.retransmitFactor * digits
    }

    mutating func gossip(_ now: Moment, _ effects: inout [Effect]) {
        guard !news.isEmpty, now >= nextGossipAt else { return }
        nextGossipAt = now.advanced(byMicroseconds: limits.gossipInterval)
        for target in drawMembers(limits.gossipFanout, status: [.alive, .suspect], except: nil) {
            guard !news.isEmpty else { return }
            send(.gossip, to: target.address, about: nil, &effects)
        }
    }
}
