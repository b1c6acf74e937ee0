import DataPlane
import IngestLog
import Logging
import Telemetry

/// Giving up a log's name, and telling people why.
extension Ingest {
    nonisolated func retire(_ old: LogID, _ reason: IngestCore.RetireReason) async {
        var random = SystemRandomNumberGenerator()
        let new = LogID(using: &random)
        do throws(LogError) {
            try await log.retire(newID: new)
            logger.warning(
                "\(reason.finding) What this node's log holds is stored under a new name; readings that the store already has count as duplicates. \(reason.advice)",
                metadata: ["reason": "\(reason.rawValue)", "old": "\(old)", "new": "\(new)"])
            await retirementWent(nil)
            await step(.retired(log.found))
        } catch {
            switch error.code {
            case .diskFull, .busy:
                await retirementWent("\(reason.finding) It cannot have a new name yet: \(error)")
                await step(.retireFailed("\(error)"))
            default:
                logger.critical(
                    "\(reason.finding) It cannot be renamed; this node accepts nothing more until it is started again.",
                    metadata: ["reason": "\(error)"])
                await step(.logFailed("\(error)"))
            }
        }
    }

    /// One line when there is no room for the log's copy, however often it is tried.
    private func retirementWent(_ problem: String?) {
        if let problem, !isRetirementStuck {
            logger.error("\(problem) It is tried again; readings are refused until then.")
        }
        isRetirementStuck = problem != nil
    }
}

extension IngestCore.RetireReason {
    /// What was seen.
    fileprivate var finding: String {
        switch self {
        case .rowMissing: "The store does not know this node's log, though parts of it were stored."
        case .rowMovedBack: "The store knows less of this node's log than it did before."
        case .rowBeyondLog: "The store has more of this node's log than the log itself."
        case .claimedByAnother: "Another process writes under this node's log's name."
        case .rowMisplaced: "The store's row of this node's log stands within a record."
        }
    }

    /// Where to look.
    fileprivate var advice: String {
        switch self {
        case .rowMissing, .rowMovedBack:
            "Was the store emptied, or restored from a backup? What it lost and this log no longer holds is gone; other nodes store again what their logs hold."
        case .rowBeyondLog:
            "Was the data folder restored from a backup, or did the disk lose what it had synced? Check the disk: readings that it lost and that were not stored are gone."
        case .claimedByAnother:
            "Was the data folder copied, or does a second machine use it? Each node needs a folder of its own: stop one of the two, or let both go on, each under a name of its own."
        case .rowMisplaced:
            "Was the store's table of checkpoints changed by hand? Leave it to the nodes."
        }
    }
}
