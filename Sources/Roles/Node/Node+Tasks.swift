import DataPlane
import Detection
import Distributed
import HashRing
import Logging
import ModelFormats
import Ports
import Telemetry

/// What goes on as long as the node runs.
extension Node {
    /// Everything that the scoring role waits for, each apart from the others.
    func runScoring() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.tickScoring() }
            group.addTask { await self.warmSlots() }
            group.addTask { await self.handSlotsOver() }
            group.addTask { await self.flushLatest() }
            group.addTask { await self.trainModels() }
        }
    }

    private func flushLatest() async {
        while (try? await Task.sleep(for: Self.flushPeriod)) != nil {
            await scoring.whenLocal { await $0.flush() }
        }
    }

    /// Apart from everything that waits for the store.
    private func tickScoring() async {
        while (try? await Task.sleep(for: Self.scoringTickPeriod)) != nil {
            await scoring.whenLocal { $0.tick() }
        }
        // Also when `run` was cancelled: without ticks nobody may wait for a slot.
        await scoring.whenLocal { $0.stop() }
    }

    private func warmSlots() async {
        guard let orders = await scoring.whenLocal({ $0.warmOrders }) else { return }
        for await _ in orders { await scoring.whenLocal { await $0.warmReady() } }
    }

    /// Pulls what was ordered from all peers at once; while one round is out the next may begin.
    private func handSlotsOver() async {
        guard let orders = await scoring.whenLocal({ $0.handOverOrders }) else { return }
        await withDiscardingTaskGroup { group in
            for await _ in orders {
                group.addTask { await self.scoring.whenLocal { await $0.handOver(among: self.peers) } }
            }
        }
    }

    /// Trains when a metric has what it needs, and again what could not reach the store; takes over what others trained.
    private func trainModels() async {
        await withDiscardingTaskGroup { group in
            group.addTask {
                while (try? await Task.sleep(for: Self.trainPeriod)) != nil {
                    await self.scoring.whenLocal { _ = $0.trainingWakes.yield() }
                    // Of metrics that learn here there may be a model elsewhere, and other versions may serve by now.
                    await self.takeModels()
                }
            }
            guard let orders = await scoring.whenLocal({ $0.trainingOrders }) else { return }
            for await _ in orders { await scoring.whenLocal { await $0.trainReady() } }
        }
    }

    func loadModels(_ rows: [ModelRow]) async {
        await scoring.whenLocal { $0.load(rows, serving: rows.map(\.version)) }
    }
}
