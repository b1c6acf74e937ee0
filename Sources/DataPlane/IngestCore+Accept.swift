import LogFormat
import Ports
package import Telemetry

/// Accepting: clients' batches into the log, by group commit.
extension IngestCore {
    mutating func offer(_ offer: Offer, _ now: Moment, _ effects: inout [Effect]) {
        if let failure { return effects.append(.refuse([offer.request], .logFailed(failure))) }
        if isDraining { return effects.append(.refuse([offer.request], .draining)) }
        // A batch larger than the whole bound must still find a way in when nothing else waits.
        guard waiting.isEmpty || (waitingReadings + offer.batch.count <= limits.waitingReadingsMax && !isBusy(now))
        else {
            let busy = AcceptError.logFull(retryAfterSeconds: limits.busyRetryAfterSeconds)
            return effects.append(.refuse([offer.request], busy))
        }
        waiting.append(offer)
        waitingSince.append(now)
        waitingReadings += offer.batch.count
    }

    /// More is offered than goes in, and from then on it has been so for too long, unless an event changes that; nil if it is
    /// not so. For whoever can refuse a request before its body is read.
    package var busyFrom: Moment? {
        waiting.isEmpty || isDraining ? nil : standingSince?.advanced(byMicroseconds: limits.standingTimeMax)
    }

    private func isBusy(_ now: Moment) -> Bool { busyFrom.map { $0 <= now } ?? false }

    /// Starts the next append if none is outstanding: as many whole requests as a group holds, and the verdicts that
    /// came since the last.
    mutating func appendNext(_ now: Moment, _ effects: inout [Effect]) {
        guard append == nil, failure == nil, !phase.isRetired else { return }
        let offers = verdictsAlone ? [] : takeOffers()
        standingSince = phase == .running ? waitingSince.first : nil
        guard !offers.isEmpty || (!verdictRecords.isEmpty && now >= verdictsHeldUntil) else { return }
        var readings: [(position: LogPosition, batch: ReadingBatch)] = []
        var next = end
        for offer in offers {
            for batch in offer.batch.cut(limits.recordReadingsMax) {
                readings.append((next, batch))
                next = next + batch.count
            }
        }
        appendsCount += 1
        let started = Append(
            number: AppendNumber(appendsCount), requests: offers.map(\.request), readings: readings,
            verdicts: verdictRecords, end: next)
        verdictRecords.removeAll(keepingCapacity: true)
        append = started
        effects.append(
            .append(started.number, started.verdicts + readings.map { .readings($0.position, $0.batch) }))
    }

    private mutating func takeOffers() -> [Offer] {
        // What one owner holds up, memory keeps, scored or not: it bounds what is taken in.
        guard phase == .running, unscoredReadings < limits.scoringReadingsMax,
            window.readingsCount < limits.scoringReadingsMax + limits.storingReadingsMax
        else { return [] }
        var count = 0
        var readings = 0
        while count < waiting.count, count == 0 || readings + waiting[count].batch.count <= limits.appendReadingsMax {
            readings += waiting[count].batch.count
            count += 1
        }
        defer {
            waiting.removeFirst(count)
            waitingSince.removeFirst(count)
        }
        waitingReadings -= readings
        return Array(waiting[..<count])
    }

    mutating func appended(_ number: AppendNumber, _ now: Moment, _ effects: inout [Effect]) {
        guard let done = append, done.number == number else { return }
        append = nil
        end = max(end, done.end)  // the claim may have proven a later end meanwhile
        verdictsAlone = false
        markLogged(done.verdicts)
        for (position, batch) in done.readings {
            enter(IngestEntry(position: position, readings: batch, since: now), now)
        }
        if !done.requests.isEmpty { effects.append(.acknowledge(done.requests)) }
    }

    mutating func appendFailed(_ number: AppendNumber, _ cause: AppendFailure, _ now: Moment, _ effects: inout [Effect])
    {
        guard let lost = append, lost.number == number else { return }
        append = nil
        switch cause {
        case .full:
            // Verdicts may go beyond the log's limit, readings not: the verdicts are tried again alone, at once after a
            // group that held readings, else when there may be room.
            verdictRecords = lost.verdicts + verdictRecords
            verdictsAlone = !lost.requests.isEmpty && !lost.verdicts.isEmpty
            if lost.requests.isEmpty { verdictsHeldUntil = now.advanced(byMicroseconds: limits.verdictRetry) }
            refuse(lost.requests, .logFull(retryAfterSeconds: limits.fullRetryAfterSeconds), &effects)
        case .refused(let message):
            verdictsAlone = !lost.requests.isEmpty && !lost.verdicts.isEmpty
            if verdictsAlone { verdictRecords = lost.verdicts + verdictRecords } else { markLogged(lost.verdicts) }
            refuse(lost.requests, .logFailed(message), &effects)
        case .failed(let message):
            refuse(lost.requests, .logFailed(message), &effects)
            closeLog(message, &effects)
        }
    }

    /// For good: a disk that failed once may lie about the next sync.
    mutating func closeLog(_ message: String, _ effects: inout [Effect]) {
        failure = message
        refuseWaiting(.logFailed(message), &effects)
    }

    mutating func refuseWaiting(_ error: AcceptError, _ effects: inout [Effect]) {
        refuse(waiting.map(\.request), error, &effects)
        waiting.removeAll()
        waitingSince.removeAll()
        waitingReadings = 0
    }

    private func refuse(_ requests: [RequestID], _ error: AcceptError, _ effects: inout [Effect]) {
        if !requests.isEmpty { effects.append(.refuse(requests, error)) }
    }

    /// A verdict record covers neighbouring entries: some may be stored by now, some be on their way to the store.
    private mutating func markLogged(_ records: [LogRecord]) {
        for record in records {
            let covered = record.position..<record.end
            for index in committing.indices where covered.contains(committing[index].position) {
                committing[index].isLogged = true
            }
            var index = window.firstIndex(atOrAfter: covered.lowerBound)
            while index < window.count, window[index].position < covered.upperBound {
                window.modify(at: index) { $0.isLogged = true }
                index += 1
            }
        }
    }
}

extension ReadingBatch {
    /// The batch in pieces of at most `readingsMax`.
    func cut(_ readingsMax: Int) -> [ReadingBatch] {
        guard count > readingsMax else { return [self] }
        return stride(from: 0, to: count, by: readingsMax).map { slice($0..<min($0 + readingsMax, count)) }
    }
}
