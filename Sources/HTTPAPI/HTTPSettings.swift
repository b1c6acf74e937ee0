package import NIOCore

/// What a node is told about its HTTP side.
package struct HTTPSettings: Sendable {
    package var host: String
    /// 0 takes any free port; `onListening` says which.
    package var port: Int
    /// Where the charting library lies on this machine; the dashboard says so and goes without when it is not there.
    package var chartFolder: String

    package var streamsMax = HTTPLimits.streamsMax
    package var streamHeartbeat = TimeAmount.seconds(Int64(HTTPLimits.streamHeartbeatSeconds))

    package static let defaultChartFolder = "/usr/share/javascript/chart.js"

    package init(host: String, port: Int, chartFolder: String = HTTPSettings.defaultChartFolder) {
        self.host = host
        self.port = port
        self.chartFolder = chartFolder
    }
}
