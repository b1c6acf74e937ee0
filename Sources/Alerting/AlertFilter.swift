import Ports
package import Telemetry

/// Which episodes go out: those whose type and device match one pattern each.
package struct AlertFilter: Hashable, Sendable {
    package var types: [GlobPattern]
    package var devices: [GlobPattern]

    package init(types: [GlobPattern] = [.all], devices: [GlobPattern] = [.all]) {
        self.types = types
        self.devices = devices
    }

    package func accepts(_ series: Series) -> Bool {
        types.contains { $0.matches(series.metric.text) } && devices.contains { $0.matches(series.device.text) }
    }
}
