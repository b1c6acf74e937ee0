import DataPlane
import Detection
import Distributed
import HashRing
import Logging
import ModelFormats
import Ports
import Synchronization
import Telemetry

/// From the start to the end.
extension Node {
    func begin() async {
        setState(.starting("asking the store"))
        var flock = await prepareStore()
        let isPrepared = flock != nil
        if let neighbourhood {
            flock = flock ?? neighbourhood.file.flock
            if flock == nil, !neighbourhood.seeds.isEmpty { flock = await waitForFlock() }
        }
        if let flock {
            belong(to: flock)
            setState(.starting("joining the flock"))
        }
        if neighbourhood == nil || flock == nil, await adopt(Ring([owner])) { await open() }
        if !isPrepared { await prepareStoreLater() }
    }

    /// Nothing to join before it is known what: for a while only, since a lone node is better than none.
    private func waitForFlock() async -> FlockID? {
        setState(.starting("waiting for the store, which says what flock to join"))
        let end = clock.moment.advanced(byMicroseconds: Self.flockPatience.microseconds)
        while clock.moment < end, (try? await Task.sleep(for: Self.preparePeriod)) != nil {
            if let flock = await prepareStore() { return flock }
        }
        return nil
    }

    /// A store that was away at the start is prepared when it comes; accepting and scoring do not wait for it.
    private func prepareStoreLater() async {
        while (try? await Task.sleep(for: Self.preparePeriod)) != nil {
            guard let flock = await prepareStore() else { continue }
            belong(to: flock)
            return
        }
    }

    private func belong(to flock: FlockID) {
        flockID.withLock { $0 = flock }
        flockIDsInput.yield(flock)
    }

    private func setState(_ next: State) {
        state.withLock { if case .starting = $0 { $0 = next } }
    }

    /// - Returns: the flock; nil if the store was away.
    private func prepareStore() async -> FlockID? {
        do {
            let flock = try await store.prepare()
            await loadModels(try await store.models())
            remember(flock)
            return flock
        } catch {
            return nil
        }
    }

    private func remember(_ flock: FlockID) {
        guard let file = neighbourhood?.file, file.flock != flock else { return }
        if let old = file.flock {
            logger.warning(
                "the store is another one than before: this node belongs to its flock from the next start on",
                metadata: ["before": "\(old)", "now": "\(flock)"])
        }
        do { try file.remember(flock) } catch {
            logger.warning(
                "the flock's id cannot be kept for a start without the store", metadata: ["reason": "\(error)"])
        }
    }

    // MARK: The flock

    /// Gossips from the moment at which the flock is known.
    func runFlock() async {
        guard let flock else { return }
        for await id in flockIDs {
            await flock.run(as: id)
            return
        }
    }

    func followRings() async {
        guard let flock else { return }
        await withDiscardingTaskGroup { group in
            for await next in flock.rings {
                // Whoever has nobody else serves until its last moment.
                let isFirst = await adopt(next.owners.isEmpty ? Ring([owner]) : next)
                if isFirst { group.addTask { await self.open() } }
            }
        }
    }

    /// Slots first, so that this node's own calls find them; then whoever calls.
    /// - Returns: true if there was no ring before: then `open` comes next.
    private func adopt(_ next: Ring) async -> Bool {
        let isFirst = ring.withLock { ring in
            defer { ring = next }
            return ring.owners.isEmpty
        }
        await scoring.whenLocal { [owner] in $0.adopt(next, as: owner) }
        if !isFirst { await adoptInIngest() }
        return isFirst
    }

    /// The newest ring counts, whoever comes first.
    private func adoptInIngest() async {
        await ingest.adopt { self.ring.withLock { $0 } }
    }

    /// `latest` is whole and the log is read before anybody is told that this node is ready.
    private func open() async {
        setState(.starting("warming up the devices' states"))
        await scoring.whenLocal { await $0.waitUntilOpen() }
        await adoptInIngest()
        await becomeReady()
    }

    private func becomeReady() async {
        setState(.starting("reading the ingest log"))
        await ingest.waitUntilRunning()
        let isReady = state.withLock { state in
            guard case .starting = state else { return false }
            state = .ready
            return true
        }
        if isReady {
            logger.notice("ready", metadata: ["node": "\(settings.name)", "http": "\(settings.httpAddress)"])
        }
    }

    // MARK: The end

    /// Stops accepting, leaves the flock, stores what was accepted if the store answers in time, and ends `run`.
    package func stop() async {
        state.withLock { $0 = .draining }
        await withTaskGroup { group in
            group.addTask { await self.leaveAndDrain() }
            group.addTask {
                try? await Task.sleep(for: Self.drainTimeout)
                await self.ingest.stopWaiting()
            }
            await group.next()
            group.cancelAll()
        }
        let pending = await ingest.ledger.pending
        if pending > 0 {
            logger.warning(
                "stopped before everything was stored; the rest is in the ingest log for the next start",
                metadata: ["pending": "\(pending)"])
        } else {
            // A store that did not answer now would only use up the supervisor's patience.
            await scoring.whenLocal { await $0.flush() }
        }
        await ingest.stop()
        await scoring.whenLocal { $0.stop() }
    }

    /// Others pull the slots while the rest is stored: readings on their way are judged by whoever owns them then.
    private func leaveAndDrain() async {
        async let left: Void = flock?.leave() ?? ()
        async let released: Void = schedulers.scheduler?.leave() ?? ()
        await ingest.drain()
        await left
        await released
        await waitForHandOver()
    }

    private func waitForHandOver() async {
        guard let flock, !flock.view.present.isEmpty else { return }
        let end = clock.moment.advanced(byMicroseconds: Self.handOverTimeout.microseconds)
        while clock.moment < end, await scoring.whenLocal({ $0.hasStates }) == true {
            guard (try? await Task.sleep(for: Self.handOverLook)) != nil else { return }
        }
    }

    private static let handOverLook = Duration.milliseconds(20)
}
