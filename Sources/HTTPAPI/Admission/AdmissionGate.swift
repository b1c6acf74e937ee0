import ReadingFormats
import Telemetry

/// What one body of readings passes: devices that its sender may speak for, rates, and room for new series.
///
/// One body is read by one thread, which asks this and nobody else.
final class AdmissionGate: ReadingGate {
    private let admission: AdmissionControl
    private let caller: Caller
    private var newCount = 0
    /// The longest wait among what was refused for going too fast.
    private var waitSeconds: Int?
    private var isForeign = false
    private var isFull = false

    init(_ admission: AdmissionControl, of caller: Caller) {
        self.admission = admission
        self.caller = caller
    }

    func refusal(of device: DeviceID, readings: Int) -> String? {
        guard caller.allows(device) else {
            isForeign = true
            return Self.foreign
        }
        guard let wait = admission.take(readings, of: device, by: caller) else { return nil }
        waitSeconds = max(waitSeconds ?? 0, wait.seconds)
        return wait.isOfKey
            ? "comes too fast for its key, send it again in \(wait.seconds) s"
            : "sends more than --device-rate allows, send it again in \(wait.seconds) s"
    }

    func hasRoom(for series: Series) -> Bool {
        switch admission.room(for: series, besides: newCount) {
        case .known: return true
        case .new:
            newCount += 1
            return true
        case .none:
            isFull = true
            return false
        }
    }

    var noRoom: String { admission.noRoom }

    /// What is accepted of the body is known from now on.
    func admit(_ series: [Series]) {
        if newCount > 0 { admission.admit(series) }
    }

    private static let foreign = "is no device that this key may send readings of"

    /// Why nothing of the body was accepted, if it was this gate that refused it.
    func problem(items: [Problem.Item]) -> Problem? {
        if isForeign {
            return Problem(
                kind: .forbidden, detail: "this key is bound to devices, and none of these is one of them", items: items
            )
        }
        if let waitSeconds {
            var problem = Problem.retryLater(
                .tooManyReadings, "more readings than one sender may send here: `errors` says whose",
                seconds: waitSeconds)
            problem.items = items
            return problem
        }
        guard isFull else { return nil }
        var problem = Problem.retryLater(
            .tooManySeries, "a new series " + admission.noRoom, seconds: AdmissionControl.fullRetrySeconds)
        problem.items = items
        return problem
    }
}
