import HTTPTypes
import Logging
import NIOCore
import Ports
import ReadingFormats
import Telemetry

/// What the routes do, one file a route or a family of them. Each handler reads its request, asks the node, and writes
/// the answer; the only state held here is how many streams there are, and what each sender still may send.
package struct Handlers: Sendable {
    let node: any NodeService
    let files: DashboardFiles
    let registry: PrometheusMetrics
    let settings: HTTPSettings
    let seats: StreamSeats
    let admission: AdmissionControl
    let gatekeeper: Gatekeeper
    let logger: Logger
    let parser = ReadingParser()

    // MARK: Am I well

    func getHealth() -> Answer { status("healthy") }
    func getLiveness() -> Answer { status("alive") }

    func getReadiness() throws(Problem) -> Answer {
        if let reason = node.unreadiness {
            throw .retryLater(.notReady, reason, seconds: HTTPLimits.retryAfterSeconds)
        }
        return status("ready")
    }

    private func status(_ status: String) -> Answer {
        var json = JSONWriter(capacity: 32)
        json.object { json in
            json.key("status")
            json.value(status)
        }
        return Answer(json: json, headers: [.cacheControl: "no-store"])
    }

    // MARK: What the store's errors mean outside

    func problem(of error: StoreError) -> Problem {
        switch error.code {
        case .unknownSeries:
            return .notFound("no reading of this device and type was ever stored: /devices lists what there is")
        case .unavailable, .conflict, .fenced:
            return .retryLater(
                .storeUnavailable, "the store does not answer: readings are still accepted, history is back with it",
                seconds: HTTPLimits.retryAfterSeconds)
        case .unusable:
            logger.error("the store cannot be used: a person must act", metadata: ["error": "\(error.message)"])
            return Problem(kind: .internalError, detail: "the store cannot be used: the node's log says why")
        }
    }

    /// The moment that "now" means in a query without an end: as far ahead as a device's clock may be.
    var latestMoment: Instant {
        node.receiptTime().advanced(byMicroseconds: Self.clockAheadMicrosecondsMax)
    }

    static let clockAheadMicrosecondsMax = ReadingParser.futureMicrosecondsMax
}
