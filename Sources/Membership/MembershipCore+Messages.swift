import Telemetry

/// What comes in and what goes out.
extension MembershipCore {
    mutating func receive(_ message: Message, from: MemberAddress, _ now: Moment, _ effects: inout [Effect]) {
        guard phase.speaks else { return }
        guard message.isWithin(limits) else {
            counts.malformed += 1
            return
        }
        guard message.flock == flock else {
            counts.ofOtherFlocks += 1
            answerStranger(message, from: from, now, &effects)
            return
        }
        guard message.sender != me.id else { return }
        let teller = message.body == .table ? message.sender.name : nil
        let isMisjudged = message.rumors.contains { $0.member.name == me.name && $0.member.status != .alive }
        for rumor in message.rumors {
            take(rumor, ofTable: teller, now, &effects)
            guard phase.speaks else { return }
        }
        answer(message, from: from, isMisjudged: isMisjudged, now, &effects)
    }

    private mutating func answer(
        _ message: Message, from: MemberAddress, isMisjudged: Bool, _ now: Moment, _ effects: inout [Effect]
    ) {
        switch message.body {
        case .ping(let number, let target):
            // The address went to this process, and another one is meant: it is as silent as if nobody were here.
            guard target.map({ $0.name == me.name }) ?? true else { return }
            // Who does not know this node, or thinks ill of it, hears how it is: the refutation may be no news any more.
            let isKnown = target == me.id && !isMisjudged
            send(.ack(number), to: from, about: message.sender.name, introduces: !isKnown, &effects)
            pullIfDifferent(message, from: from, now, &effects)
        case .ack(let number):
            answered(number, by: message.sender, &effects)
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

    /// Who looks for a flock here must learn that this is another one. What goes back is no larger than what came, is
    /// not answered itself, and does not go often: nobody can use this node to shout at others.
    private mutating func answerStranger(
        _ message: Message, from: MemberAddress, _ now: Moment, _ effects: inout [Effect]
    ) {
        guard case .ping(let number, nil) = message.body else { return }
        if now >= nextStrangerAnswersAt {
            nextStrangerAnswersAt = now.advanced(byMicroseconds: limits.strangerAnswersInterval)
            strangerAnswersLeft = limits.strangerAnswersMax
        }
        let answer = Message(flock: flock, sender: me.id, digest: 0, body: .nack(number), rumors: [])
        guard strangerAnswersLeft > 0, answer.bytesMax <= message.bytesMax else { return }
        strangerAnswersLeft -= 1
        effects.append(.send(answer, to: from))
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
        var wanted = ring.filter { differs[rows[$0].part] }
        if wanted.count > limits.pullRowsMax {
            let start = random.draw(below: wanted.count)
            wanted = Array((wanted[start...] + wanted[..<start]).prefix(limits.pullRowsMax))
        }
        var piece = message(.table, differs[myPart] ? [Rumor(me)] : [])
        var room = limits.datagramMax - piece.bytesMax
        for row in wanted {
            let rumor = Rumor(rows[row].member, accuser: rows[row].suspicion?.accusers.first)
            if piece.rumors.count == limits.messageRumorsMax || room < rumor.bytesMax {
                effects.append(.send(piece, to: address))
                piece = message(.table, [])
                room = limits.datagramMax - piece.bytesMax
            }
            piece.rumors.append(rumor)
            room -= rumor.bytesMax
        }
        if !piece.rumors.isEmpty { effects.append(.send(piece, to: address)) }
    }

    /// - Parameters:
    ///   - name: of the receiver: what is held against it rides in front.
    ///   - introduces: this node's own row rides too, for who may not know it.
    mutating func send(
        _ body: Message.Body, to address: MemberAddress, about name: String?, introduces: Bool = false,
        _ effects: inout [Effect]
    ) {
        // A row may say that somebody else is at this node's address: there is nobody to talk to.
        guard address != me.id.address else { return }
        var message = message(body, [])
        if let name, let index = places[name] {
            let member = rows[index].member
            if member.status == .suspect || member.status == .dead {
                message.rumors.append(Rumor(member, accuser: rows[index].suspicion?.accusers.first))
            }
        }
        var introduces = introduces
        if case .ping(_, nil) = body { introduces = true }
        if introduces { message.rumors.append(Rumor(me)) }
        addNews(to: &message)
        effects.append(.send(message, to: address))
    }

    func message(_ body: Message.Body, _ rumors: [Rumor]) -> Message {
        Message(flock: flock, sender: me.id, digest: digest, body: body, rumors: rumors)
    }
}

/// The news that ride on what goes out.
extension MembershipCore {
    mutating func announceMyself() {
        news.remove { $0.row == nil }
        makeRoomForNews()
        news.add(NewsQueue.Item(row: nil, accuser: nil))
    }

    /// - Parameter isConfirmation: what was said of the row before is still true, and news.
    mutating func announce(_ index: Int, accuser: String?, isConfirmation: Bool = false) {
        if rows[index].newsCount > 0 {
            rows[index].newsCount -= news.remove { item in
                item.row == index && (!isConfirmation || item.accuser == accuser)
            }
        }
        makeRoomForNews()
        news.add(NewsQueue.Item(row: index, accuser: accuser))
        rows[index].newsCount += 1
    }

    private mutating func makeRoomForNews() {
        guard news.count >= limits.rumorsMax, let worn = news.removeMostSent()?.row else { return }
        rows[worn].newsCount -= 1
    }

    private mutating func addNews(to message: inout Message) {
        guard !news.isEmpty else { return }
        var places = limits.piggybackMax - message.rumors.count
        var room = limits.datagramMax - message.bytesMax
        var chosen: [Rumor] = []
        var worn: [Int] = []
        // Taken out, so that it is not copied while rows are looked at.
        var queue = NewsQueue()
        swap(&queue, &news)
        queue.choose(enough: retransmits) { item in
            let rumor = Rumor(item.row.map { rows[$0].member } ?? me, accuser: item.accuser)
            places -= 1
            room -= rumor.bytesMax
            guard places >= 0, room >= 0 else { return false }
            chosen.append(rumor)
            return true
        } worn: { item in
            if let row = item.row { worn.append(row) }
        }
        swap(&queue, &news)
        for row in worn { rows[row].newsCount -= 1 }
        let first = message.rumors
        message.rumors += chosen.filter { !first.contains($0) }
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
        for target in drawMembers(limits.gossipFanout, except: nil, { $0.isPresent }) {
            guard !news.isEmpty else { return }
            send(.gossip, to: target.address, about: nil, &effects)
        }
    }
}
