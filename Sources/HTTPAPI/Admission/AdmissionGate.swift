import ReadingFormats
import Telemetry

/// What one body of readings passes: devices that its sender may speak for, rates, and room for new series.
///
/// One body is read by one thread, which asks this and nobody else; what it reserved it gives back with its end.
final class AdmissionGate: ReadingGate, @unchecked Sendable {
    private let admission: AdmissionControl
    private let caller: Caller
    private var newCount = 0
    /// What was found of the body's devices: patterns are not tried again for each of their messages.
    private var allowed: [DeviceID: Bool] = [:]
    /// The longest wait among what was refused for going too fast.
    private var waitSeconds: Int?
    private var isForeign = false
    private var isFull = false

    init(_ admission: AdmissionControl, of caller: Caller) {
        self.admission = admission
        self.caller = caller
    }

    func refusal(of device: DeviceID, readings: Int) -> String? {
        guard mayBeSentFor(device) else {
            isForeign = true
            return Self.foreign
        }
        guard let wait = admission.take(readings, of: device, by: caller) else { return nil }
        waitSeconds = max(waitSeconds ?? 0, wait.seconds)
        return wait.isOfKey
            ? "comes too fast for its key, send it again in \(wait.seconds) s"
            : "sends more than --device-rate allows, send it again in \(wait.seconds) s"
    }

    private func mayBeSentFor(_ device: DeviceID) -> Bool {
        guard caller.isBound else { return true }
        if let known = allowed[device] { return known }
        let isAllowed = caller.allows(device)
        allowed[device] = isAllowed
        return isAllowed
    }

    deinit {
        if newCount > 0 { admission.release(newCount) }
    }

    func hasRoom(for series: Series) -> Bool {
        switch admission.room(for: series) {
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

    /// The node has them: they are known from now on.
    func admit(_ series: [Series]) {
        if newCount > 0 { admission.admit(series) }
    }

    private static let foreign = "is no device that this key may send readings of"

    /// Why nothing of the body was accepted, if it was this gate that refused it. What may be sent again comes first.
    func problem(items: [Problem.Item]) -> Problem? {
        if let waitSeconds {
            var problem = Problem.retryLater(
                .tooManyReadings, "more readings than one sender may send here: `errors` says whose",
                seconds: waitSeconds)
            problem.items = items
            return problem
        }
        guard isFull else { return isForeign ? foreignProblem(items) : nil }
        var problem = Problem.retryLater(
            .tooManySeries, "a new series " + admission.noRoom, seconds: AdmissionControl.fullRetrySeconds)
        problem.items = items
        return problem
    }

    private func foreignProblem(_ items: [Problem.Item]) -> Problem {
        Problem(
            kind: .forbidden, detail: "this key is bound to devices, and none of these is one of them", items: items)
    }
}

/// What a body held and its gate, which holds its places until the node has decided.
struct AdmittedReadings: Sendable {
    let parsed: ParsedReadings
    let gate: AdmissionGate
}
