import HTTPTypes
import Ports
import Telemetry

/// `/audit`, `/prune` and `/prune/approve`: what the pruner decided, what it would do, and what it waits with.
extension Handlers {
    func getAudit(_ call: Call) async throws -> Answer {
        let limit =
            try call.query().integer("limit", in: 1...HTTPLimits.auditLimitMax) ?? HTTPLimits.auditLimitDefault
        let rows: [AuditRow]
        do {
            rows = try await node.audit(limit: limit)
        } catch {
            throw problem(of: error)
        }
        var json = JSONWriter(capacity: 256 + rows.count * 200)
        json.array(rows) { $0.write($1) }
        return Answer(json: json, headers: [.cacheControl: "no-store"])
    }

    func getPrune(_ call: Call) async throws -> Answer {
        let limit =
            try call.query().integer("limit", in: 1...HTTPLimits.pruneLimitMax) ?? HTTPLimits.pruneLimitDefault
        let plan: PrunePlan
        do {
            plan = try await node.prunePlan(limit: limit)
        } catch {
            throw problem(of: error)
        }
        var json = JSONWriter(capacity: 512 + (plan.hide.count + plan.delete.count) * 160)
        json.write(plan)
        return Answer(json: json, headers: [.cacheControl: "no-store"])
    }

    /// 200 also if there is nothing to approve: asked twice, it says so the second time. 409 if it waits with another
    /// reason by now than the one that was read.
    func postApprove(_ call: Call) async throws -> Answer {
        let reason = try call.query().text("reason")
        let approved: Waiting?
        do {
            approved = try await node.approvePruning(reason)
        } catch {
            throw problem(of: error)
        }
        if let approved, let reason, approved.reason != reason {
            throw Problem(
                kind: .conflict,
                detail: "nothing was approved, since the pruner waits with something else now: \(approved.reason); "
                    + "look at GET /prune again")
        }
        var json = JSONWriter(capacity: 512)
        json.object { json in
            json.key("approved")
            json.value(approved != nil)
            json.key("reason")
            json.value(approved?.reason)
            json.key("heard_through")
            json.value(approved?.approval.heardThrough)
            json.key("members")
            json.array(approved?.approval.members ?? []) { $0.value($1) }
        }
        return Answer(json: json, headers: [.cacheControl: "no-store"])
    }
}

extension JSONWriter {
    fileprivate mutating func write(_ row: AuditRow) {
        object { json in
            json.key("time")
            json.value(row.time)
            json.key("job")
            json.value(row.job)
            json.key("device_id")
            json.value(row.device?.text)
            json.key("decision")
            json.value(row.decision.rawValue)
            json.key("reason")
            json.value(row.reason)
            json.key("fencing_token")
            json.value(row.token?.number)
        }
    }

    fileprivate mutating func write(_ plan: PrunePlan) {
        object { json in
            json.key("last_run")
            json.value(plan.job?.lastRun)
            json.key("last_result")
            json.value(plan.job?.lastResult)
            json.key("waits")
            json.value(plan.job?.waiting?.reason)
            json.key("watched_seconds")
            json.value(Self.seconds(plan.job?.lastTick?.total ?? 0))
            json.key("inactive_after_seconds")
            json.value(Self.seconds(plan.inactiveAfter))
            json.key("delete_after_seconds")
            json.value(plan.deleteAfter.map(Self.seconds))
            json.key("hide")
            json.array(plan.hide) { $0.write($1) }
            json.key("delete")
            json.array(plan.delete) { $0.write($1) }
            json.key("leader")
            json.value(plan.leader)
            json.key("keeper_trouble")
            json.value(plan.keeperTrouble)
            json.key("approval")
            guard let approval = plan.job?.waiting?.approval.ifAny else { return json.null() }
            json.object { json in
                json.key("heard_through")
                json.value(approval.heardThrough)
                json.key("members")
                json.array(approval.members) { $0.value($1) }
                json.key("silent")
                json.array(plan.silent) { $0.write($1) }
            }
        }
    }

    private static func seconds(_ microseconds: Int64) -> Double { Double(microseconds) / 1_000_000 }

    fileprivate mutating func write(_ device: SilentDevice) {
        object { json in
            json.key("device_id")
            json.value(device.device.text)
            json.key("last_heard")
            json.value(device.lastHeard)
            json.key("readings")
            json.value(device.readings)
        }
    }
}
