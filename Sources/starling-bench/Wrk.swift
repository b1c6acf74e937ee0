import Foundation
import NodeHarness

/// The load of the `post` figures: wrk with one thread and one script, the same for whatever it is pointed at.
struct Wrk {
    /// What a run of wrk saw.
    struct Answer: Decodable {
        let requests: Int
        let microseconds: Double
        /// Answers that were no success.
        let refused: Int
        /// Connections that failed, reads and writes that did, and answers that came too late.
        let errors: Int
        let p50Milliseconds: Double
        let p99Milliseconds: Double

        var requestsPerSecond: Double { Double(requests) * 1e6 / microseconds }
    }

    static let connectionsCount = 32
    private let program: String
    private let script: String
    private let folder: TemporaryFolder

    init() throws {
        guard let program = Programs.find("wrk") else { throw HarnessError("no wrk in PATH: apt-get install wrk") }
        self.program = program
        folder = try TemporaryFolder("starling-bench-wrk")
        script = try folder.write(Self.lua, to: "post.lua")
    }

    /// - Parameter start: milliseconds since 1970 of the first reading; each run needs a range of its own.
    func run(port: UInt16, seconds: Int, start: Int64) throws -> Answer {
        let result = try ChildProcess.run(
            program,
            [
                "-t1", "-c\(Self.connectionsCount)", "-d\(seconds)s", "-s", script, "http://127.0.0.1:\(port)",
                "--", String(start),
            ], limit: .seconds(seconds + 30))
        guard result.exit == .code(0),
            let line = result.output.split(separator: "\n").last(where: { $0.hasPrefix("{") })
        else { throw HarnessError("wrk failed: \(result.errors) \(result.output)") }
        return try JSONDecoder().decode(Answer.self, from: Data(line.utf8))
    }

    /// One message of one reading: of a thousand devices in turn, each at a time of its own.
    private static let lua = """
        local count, start
        function init(args) count = 0; start = tonumber(args[1]) end
        local head = "POST /data HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\nContent-Type: application/json\\r\\nContent-Length: "
        function request()
            count = count + 1
            local body = string.format(
                '{"device_id":"device-%04d","timestamp":%.0f,"metrics":[{"type":"temperature","value":%.2f}]}',
                count % 1000, start + count, 15 + (count % 1000) / 100 + (count * 7919 % 200) / 100)
            return head .. #body .. "\\r\\n\\r\\n" .. body
        end
        function done(summary, latency, requests)
            local errors = summary.errors
            io.write(string.format(
                '{"requests":%d,"microseconds":%d,"refused":%d,"errors":%d,"p50Milliseconds":%f,"p99Milliseconds":%f}\\n',
                summary.requests, summary.duration, errors.status,
                errors.connect + errors.read + errors.write + errors.timeout,
                latency:percentile(50) / 1000, latency:percentile(99) / 1000))
        end
        """
}
