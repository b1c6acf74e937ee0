package import ControlPlane
import Membership
import Telemetry
import Wire

/// From effects to datagrams, and back to events.
extension VirtualFlock {
    package mutating func handle(_ event: ControlPlane.Event, at index: Int) {
        handle(event, at: index, clock: clock(of: index))
    }

    mutating func handle(_ event: ControlPlane.Event, at index: Int, clock: Moment) {
        guard let effects = nodes[index].plane?.handle(event, now: clock) else { return }
        if isChecked { noteState(of: index, effects.count) }
        var sends: [(to: MemberAddress, messages: [Message])] = []
        for effect in effects {
            switch effect {
            case .send(let message, let to):
                if let place = sends.firstIndex(where: { $0.to == to }) {
                    sends[place].messages.append(message)
                } else {
                    sends.append((to, [message]))
                }
            case .memberChanged(let member): told(member, at: index)
            case .superseded(let id): superseded(by: id, at: index)
            case .left:
                note("left", index, "")
                nodes[index].plane = nil
            case .resolveSeeds: handle(.seedsResolved(seeds(of: index)), at: index, clock: clock)
            case .strangerHeard(let flock, _): nodes[index].strangers.append(flock)
            case .ownersChanged(let owners): note("owners", index, "\(owners)")
            case .joinEnded(let join): note("join", index, "\(join)")
            }
        }
        for (to, messages) in sends { send(messages, from: index, to: to) }
    }

    /// What goes to one address at one moment shares datagrams.
    private mutating func send(_ messages: [Message], from index: Int, to address: MemberAddress) {
        if isChecked { check(messages, from: index, to: address) }
        let messages = mistake == nil ? messages : messages.compactMap { spoiled($0, by: index, to: address) }
        for bytes in Datagrams.encode(messages) {
            nodes[index].packetsCount += 1
            nodes[index].bytesCount += bytes.count + DatagramLimits.sealBytesMax
            guard !isLost(from: index, to: address) else { continue }
            let datagram = Datagram(bytes: bytes, from: nodes[index].address, to: address)
            for _ in 0..<(weather.doubling > 0 && random.drawUnit() < weather.doubling ? 2 : 1) {
                let delay = Int64(weather.delay.lowerBound + random.draw(below: weather.delay.count))
                agenda.add(.arrival(datagram), at: later(delay))
            }
        }
    }

    private mutating func isLost(from index: Int, to address: MemberAddress) -> Bool {
        if !cuts.isEmpty, let target = indexes[address] {
            for cut in cuts where cut.from.contains(index) && cut.to.contains(target) {
                if cut.loss == 1 || random.drawUnit() < cut.loss { return true }
            }
        }
        return weather.loss > 0 && random.drawUnit() < weather.loss
    }

    mutating func receive(_ datagram: Datagram, at index: Int) {
        do {
            let messages = try datagram.bytes.withUnsafeBytes { try Datagrams.decode($0) }
            for message in messages { handle(.received(message, from: datagram.from), at: index) }
        } catch {
            fail("a datagram that cannot be read: \(error)")
        }
    }

    /// What the planted mistake makes of a message; nil is nothing.
    private func spoiled(_ message: Message, by index: Int, to address: MemberAddress) -> Message? {
        guard let mistake, let core = nodes[index].plane?.membership else { return message }
        var rumors = message.rumors
        switch mistake {
        case .neverRefutes: rumors.removeAll { $0.member.name == message.sender.name && $0.member.revision > 0 }
        case .goneAreGivenUp:
            guard case .ping = message.body else { return message }
            let present = core.members.contains { $0.id.address == address && $0.status.isPresent }
            return present || core.members.count == 1 ? message : nil
        case .suspectsAreDead: rumors = rumors.map { Self.changed($0, from: .suspect, to: .dead) }
        case .leftIsDead: rumors = rumors.map { Self.changed($0, from: .left, to: .dead) }
        case .pullsUnanswered: if message.body == .table { return nil }
        case .incarnationReused, .ticksMadeUp: return message
        }
        return Message(
            flock: message.flock, sender: message.sender, digest: message.digest, body: message.body, rumors: rumors)
    }

    private static func changed(_ rumor: Rumor, from: MemberStatus, to: MemberStatus) -> Rumor {
        guard rumor.member.status == from else { return rumor }
        var member = rumor.member
        member.status = to
        return Rumor(member, accuser: rumor.accuser)
    }
}
