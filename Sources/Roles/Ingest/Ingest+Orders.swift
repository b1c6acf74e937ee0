import ClusterActors
import CoreMetrics
import DataPlane
import HashRing
import IngestLog
import LogFormat
import Logging
import Ports
import Telemetry

/// Performing what the core orders: everything that waits, outside the actor, reporting back with an event.
extension Ingest {
    /// Performs one order, outside the actor where it waits, and reports what came of it.
    nonisolated func perform(_ order: IngestCore.Effect) async {
        switch order {
        case .append(let number, let records): await append(number, records)
        case .call(let owner, let call): await self.call(owner, call)
        case .commit(let transaction): await commit(transaction)
        case .claim(let log, let old, let writer): await claim(log, from: old, writer)
        case .register(let log, let writer, let replaced): await register(log, writer, replacing: replaced)
        case .readCheckpoint(let log): await readCheckpoint(log)
        case .readLog(let purpose, let id, let start): await read(purpose, id, start)
        case .trim(let id, let position): await log.trim(before: position, of: id)
        case .retire(let old, let reason): await retire(old, reason)
        case .acknowledge, .refuse: return  // answered in `step`
        }
    }

    private nonisolated func append(_ number: IngestCore.AppendNumber, _ records: [LogRecord]) async {
        let needsSync = records.contains(where: \.holdsReadings)
        do {
            try await log.append(records, sync: needsSync)
            if needsSync { await logTookReadings() }
            await step(.appended(number))
        } catch {
            await step(.appendFailed(number, await report(error)))
        }
    }

    private func logTookReadings() {
        if isLogFull { logger.notice("the ingest log takes readings again") }
        isLogFull = false
    }

    /// One line when the log fills up, one when there is room again.
    private func report(_ error: LogError) -> IngestCore.AppendFailure {
        switch error.code {
        case .full, .diskFull, .busy:
            if !isLogFull { logger.warning("the ingest log takes no readings", metadata: ["reason": "\(error)"]) }
            isLogFull = true
            return .full("\(error)")
        case .invalidRecords:
            logger.error("the ingest log refused a batch", metadata: ["reason": "\(error)"])
            return .refused("\(error)")
        case .failed, .closed, .staleCursor, .locked, .folder, .unusable:
            logger.critical(
                "the ingest log failed; this node accepts nothing more until it is started again",
                metadata: ["reason": "\(error)"])
            return .failed("\(error)")
        }
    }

    private nonisolated func call(_ owner: Owner, _ call: ScoreCall) async {
        do {
            let reply = try await scoring(owner).score(call)
            await step(.scored(call.number, reply.answer))
        } catch {
            if !Task.isCancelled {
                logger.warning("a scoring call failed", metadata: ["owner": "\(owner)", "reason": "\(error)"])
            }
            await step(.callFailed(call.number, Self.failure(error)))
        }
    }

    /// Whether the owner is gone, or only silent.
    private static func failure(_ error: any Error) -> IngestCore.CallFailure {
        switch error {
        case ClusterActorError.unknownNode, ClusterActorError.nodeGone: .ownerLost
        default: .noAnswer
        }
    }

    private nonisolated func commit(_ transaction: StoreTransaction) async {
        do {
            let row = try await store.commit(transaction)
            NodeMetrics.stored.increment(by: transaction.readingsCount)
            await storeAnswered(nil)
            await step(.committed(row))
        } catch {
            // A conflict is an answer: the row says what has become of the log, and is read next.
            if case .conflict = error.code {} else { await storeAnswered(error) }
            await step(.commitFailed)
        }
    }

    private nonisolated func claim(_ log: LogID, from old: WriterID, _ writer: WriterID) async {
        await report { () async throws(StoreError) in
            try await self.store.claim(log: log, from: old, by: writer)
        }
    }

    private nonisolated func register(_ log: LogID, _ writer: WriterID, replacing replaced: LogID?) async {
        await report { () async throws(StoreError) in
            try await self.store.register(log: log, node: self.node, by: writer, replacing: replaced)
        }
    }

    private nonisolated func readCheckpoint(_ log: LogID) async {
        await report { () async throws(StoreError) in try await self.store.checkpoint(of: log) }
    }

    private nonisolated func report(_ row: () async throws(StoreError) -> Checkpoint?) async {
        do throws(StoreError) {
            await step(.checkpoint(try await row()))
            await rowWasRead()
        } catch {
            await storeAnswered(error)
            await step(.checkpointUnavailable)
        }
    }

    private nonisolated func read(_ purpose: IngestCore.ReadPurpose, _ id: LogID, _ start: IngestCore.ReadStart) async {
        let cursor =
            switch start {
            case .cursor(let cursor): cursor
            case .position(let position): log.cursor(at: position)
            }
        // It was renamed since the order was given: the position means other readings there.
        guard cursor.log == id else { return await step(.logReadFailed(purpose, id)) }
        do {
            let chunk = try await log.read(from: cursor, bytesMax: Self.readBytesMax)
            await step(.logRead(purpose, chunk.records, next: chunk.next, isAtEnd: chunk.isAtEnd))
        } catch {
            logger.error("the ingest log cannot be read", metadata: ["reason": "\(error)"])
            await step(.logReadFailed(purpose, id))
        }
    }

    /// A store that is full or locked still lets the row be read: while there is something to store, that is no sign of
    /// its return.
    private func rowWasRead() {
        if core.ledger.pending == 0 { storeAnswered(nil) }
    }

    /// One line when the store goes, one when it comes back.
    private func storeAnswered(_ error: StoreError?) {
        if let error, !isStoreAway {
            isStoreAway = true
            logger.error(
                "the store does not answer; readings are kept in the ingest log until it does",
                metadata: ["reason": "\(error)"])
        } else if error == nil, isStoreAway {
            isStoreAway = false
            logger.notice("the store answers again", metadata: ["pending": "\(core.ledger.pending)"])
        }
    }
}
