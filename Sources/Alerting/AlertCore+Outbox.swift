import Ports
import Telemetry

/// What is written down and what is sent.
extension AlertCore {
    // MARK: Writing down

    mutating func write(_ alert: Alert) {
        unwritten.alerts[alert.id] = alert
        // The store is away for long: the oldest are told to nobody who comes later.
        if unwritten.alerts.count > limits.entriesMax {
            let order = unwritten.alerts.values.sorted { ($0.episode.start, $0.id) < ($1.episode.start, $1.id) }
            for alert in order.prefix(limits.entriesMax / 10) { unwritten.alerts[alert.id] = nil }
        }
    }

    mutating func record(_ step: inout Step) {
        guard recording == nil, !unwritten.isEmpty, step.moment >= recordAt else { return }
        guard step.moment >= upkeepAt || unwritten.isUrgent else { return }
        recordsCount += 1
        let change = unwritten.take(atMost: limits.recordMax)
        recording = RecordUnderWay(number: recordsCount, change: change)
        step.effects.append(.record(recordsCount, change))
    }

    mutating func noteRecorded(_ number: UInt64, _ fresh: Set<AlertDelivery.Key>, _ step: inout Step) {
        guard let done = recording, done.number == number else { return }
        recording = nil
        isStoreAway = false
        upkeepAt = step.moment.advanced(byMicroseconds: limits.upkeepEvery)
        for delivery in done.change.deliveries {
            guard let outgoing = outbox[delivery.key], !outgoing.isRecorded else { continue }
            outbox[delivery.key]?.isRecorded = true
            let isTried = outgoing.isInFlight || outgoing.delivery.attempts > 0
            if isTried || fresh.contains(delivery.key) { continue }
            // Another sender's, or a record of ours whose answer was lost: the next look says which.
            outbox[delivery.key] = nil
            lookAt = step.moment
        }
        // Of one that sends no more.
        if !isSender { outbox = outbox.filter { $0.value.isInFlight || !$0.value.isRecorded } }
    }

    mutating func noteRecordFailed(_ number: UInt64, _ step: inout Step) {
        guard let failed = recording, failed.number == number else { return }
        recording = nil
        isStoreAway = true
        unwritten.putBack(failed.change)
        recordAt = step.moment.advanced(byMicroseconds: limits.recordAgain)
    }

    // MARK: Sending

    mutating func push(_ delivery: AlertDelivery, _ step: inout Step) {
        guard outbox[delivery.key] == nil, through[delivery.key] == nil else { return }
        unwritten.deliveries[delivery.key] = delivery
        outbox[delivery.key] = Outgoing(delivery: delivery, due: step.moment, isRecorded: false)
        limitOutbox(&step)
    }

    /// One that a sender before left, or this one in a former life.
    mutating func restore(_ delivery: AlertDelivery, _ step: inout Step) {
        let key = delivery.key
        guard delivery.state == .pending, outbox[key] == nil, through[key] == nil, unwritten.deliveries[key] == nil,
            settings.targets.contains(where: { $0.id == key.target })
        else { return }
        let wait = min(max(0, delivery.next.microseconds(since: step.time)), limits.retryAfterMax)
        outbox[key] = Outgoing(
            delivery: delivery, due: step.moment.advanced(byMicroseconds: wait), isRecorded: true)
        limitOutbox(&step)
    }

    private mutating func limitOutbox(_ step: inout Step) {
        guard outbox.count > limits.outboxMax else { return }
        let order = outbox.values.filter { !$0.isInFlight }.sorted { Self.isBefore($0, $1) }
        for outgoing in order.prefix(max(1, limits.outboxMax / 20)) {
            giveUp(outgoing.delivery, "more than \(limits.outboxMax) wait to be delivered", &step)
        }
    }

    private static func isBefore(_ one: Outgoing, _ other: Outgoing) -> Bool {
        (one.delivery.created, one.delivery.key) < (other.delivery.created, other.delivery.key)
    }

    mutating func post(_ step: inout Step) {
        guard !outbox.isEmpty else { return }
        for target in settings.targets {
            var lane = lanes[target.id] ?? Lane()
            let room = (lane.isWell ? limits.postsMax : 1) - lane.inFlight
            guard room > 0, step.moment >= lane.pausedUntil else { continue }
            let due = outbox.values.filter { mayGo($0, to: target.id, step) }
            for outgoing in due.sorted(by: Self.isBefore).prefix(room) {
                outbox[outgoing.delivery.key]?.isInFlight = true
                lane.inFlight += 1
                step.effects.append(.post(outgoing.delivery))
            }
            lanes[target.id] = lane
        }
    }

    private func mayGo(_ outgoing: Outgoing, to target: String, _ step: Step) -> Bool {
        let key = outgoing.delivery.key
        guard key.target == target, !outgoing.isInFlight, outgoing.due <= step.moment,
            outgoing.isRecorded || isStoreAway
        else { return false }
        // The start first.
        return key.event == .start
            || outbox[AlertDelivery.Key(alert: key.alert, event: .start, target: key.target)] == nil
    }

    mutating func note(_ answer: PostAnswer, to key: AlertDelivery.Key, _ step: inout Step) {
        guard var outgoing = outbox[key], outgoing.isInFlight else { return }
        var lane = lanes[key.target] ?? Lane()
        lane.inFlight = max(0, lane.inFlight - 1)
        outgoing.isInFlight = false
        outgoing.delivery.attempts += 1
        outbox[key] = outgoing
        switch PostVerdict(answer) {
        case .delivered:
            lane.isWell = true
            step.effects.append(.note(.delivered(key)))
            settle(outgoing.delivery, as: .delivered, step)
        case .givenUp(let reason):
            lane.isWell = true
            giveUp(outgoing.delivery, reason, &step)
        case .again(let reason, let after):
            lane.isWell = false
            if let after {
                lane.pausedUntil = step.moment.advanced(byMicroseconds: min(max(0, after), limits.retryAfterMax))
            }
            retry(outgoing, reason, &step)
        }
        lanes[key.target] = lane
    }

    private mutating func retry(_ outgoing: Outgoing, _ reason: String, _ step: inout Step) {
        let delivery = outgoing.delivery
        guard delivery.attempts < limits.attemptsMax else {
            return giveUp(delivery, "\(reason); \(delivery.attempts) attempts", &step)
        }
        guard step.time.microseconds(since: delivery.created) < limits.givenUpAfter else {
            return giveUp(delivery, "\(reason); it is too old", &step)
        }
        let wait = backOff(after: delivery.attempts)
        var next = outgoing
        next.due = step.moment.advanced(byMicroseconds: wait)
        next.delivery.next = step.time.advanced(byMicroseconds: wait)
        outbox[delivery.key] = next
        unwritten.deliveries[delivery.key] = next.delivery
        if next.isRecorded { unwritten.known.insert(delivery.key) }
        step.effects.append(.note(.failed(delivery.key, reason: reason)))
    }

    /// Full jitter: senders and deliveries that failed together do not come back together.
    private mutating func backOff(after attempts: Int) -> Int64 {
        let longest = min(limits.backOffMax, limits.backOffMin << Int64(min(max(0, attempts - 1), 30)))
        return max(limits.backOffFloor, Int64(random.drawUnit() * Double(longest)))
    }

    private mutating func giveUp(_ delivery: AlertDelivery, _ reason: String, _ step: inout Step) {
        step.effects.append(.note(.gaveUp(delivery.key, reason: reason)))
        settle(delivery, as: .givenUp, step)
    }

    private mutating func settle(_ delivery: AlertDelivery, as state: AlertDelivery.State, _ step: Step) {
        var settled = delivery
        settled.state = state
        if outbox[delivery.key]?.isRecorded == true { unwritten.known.insert(delivery.key) }
        outbox[delivery.key] = nil
        unwritten.deliveries[delivery.key] = settled
        through[delivery.key] = step.moment
        if through.count > 2 * limits.outboxMax {
            let line = through.values.sorted()[limits.outboxMax]
            through = through.filter { $0.value > line }
        }
        // While the store is away they pile up: who comes later may send the oldest again.
        if unwritten.deliveries.count > 2 * limits.outboxMax {
            let ended = unwritten.deliveries.values.filter { $0.state != .pending }
            let order = ended.sorted { ($0.created, $0.key) < ($1.created, $1.key) }
            for one in order.prefix(limits.outboxMax / 10) {
                unwritten.deliveries[one.key] = nil
                unwritten.known.remove(one.key)
            }
        }
    }
}
