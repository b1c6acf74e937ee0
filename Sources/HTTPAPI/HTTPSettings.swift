package import AccessKeys
package import NIOCore

/// What a node is told about its HTTP side.
package struct HTTPSettings: Sendable {
    package var host: String
    /// 0 takes any free port; `onListening` says which.
    package var port: Int
    /// Where the charting library lies on this machine; the dashboard says so and goes without when it is not there.
    package var chartFolder: String

    /// The keys that clients must show; nil asks nobody.
    package var keys: KeyBook?
    /// Nil speaks plain HTTP.
    package var certificates: Certificates?
    /// Origins whose pages may call this node; `*` for all.
    package var origins: [String] = []
    /// Readings a second that a device, or the holder of a key, may send to this node; nil without a limit.
    package var deviceRate: Double?
    package var keyRate: Double?
    /// Series that the flock may have; nil without a limit.
    package var seriesMax: Int?

    /// Connections at once; more wait in the kernel.
    package var connectionsMax = HTTPLimits.connectionsMax
    /// Only names that nobody else can own stand for this node: it is open to all who reach it, and a web page whose name
    /// was pointed here would be one of them (DNS rebinding).
    package var refusesForeignHosts = false

    package var streamsMax = HTTPLimits.streamsMax
    package var streamHeartbeat = TimeAmount.seconds(Int64(HTTPLimits.streamHeartbeatSeconds))

    package static let defaultChartFolder = "/usr/share/javascript/chart.js"

    package init(host: String, port: Int, chartFolder: String = HTTPSettings.defaultChartFolder) {
        self.host = host
        self.port = port
        self.chartFolder = chartFolder
    }
}
