package import Telemetry

/// Who may pass, asked for each message that is sound, and for each of its series once a body.
package protocol ReadingGate {
    /// Why readings of this device are not taken now; nil if they are. Asked once for each message: it may count them.
    func refusal(of device: DeviceID, readings: Int) -> String?
    /// Whether this series may be taken in, as far as it is new.
    func hasRoom(for series: Series) -> Bool
    /// What is told of a series that there is no room for.
    var noRoom: String { get }
}

/// Lets everything pass.
package struct OpenGate: ReadingGate {
    package init() {}

    package func refusal(of device: DeviceID, readings: Int) -> String? { nil }
    package func hasRoom(for series: Series) -> Bool { true }
    package var noRoom: String { "" }
}
