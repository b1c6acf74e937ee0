package import Ports

extension PrunePlan {
    /// Reads what a run would do now: by the last tick, so that silence since then is not in it.
    /// - Parameter limit: devices of each kind.
    package init(_ rules: PruneRules, _ store: any PruneStore, limit: Int) async throws(StoreError) {
        let job = try await store.job()
        var hide: [SilentDevice] = []
        var delete: [SilentDevice] = []
        if let tick = job?.lastTick {
            let totals = rules.totals(at: tick)
            if let total = totals.delete, let until = try await store.tick(atMost: total) {
                delete = try await store.silentDevices(heardThrough: until.through, limit: limit)
            }
            if let until = try await store.tick(atMost: totals.hide) {
                hide = try await store.silentDevices(heardThrough: until.through, isHidden: false, limit: limit)
            }
        }
        var silent: [SilentDevice] = []
        if let until = job?.waiting?.approval.heardThrough {
            silent = try await store.silentDevices(heardThrough: until, isHidden: nil, limit: limit)
        }
        self.init(
            job: job, inactiveAfter: rules.inactiveAfter, deleteAfter: rules.deleteAfter, hide: hide, delete: delete,
            silent: silent)
    }
}
