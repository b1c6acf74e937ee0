import FuzzKit

enum Seeds {
    private static let body = #"{"device_id":"d","metrics":[{"type":"t","value":1}]}"#

    private static func request(_ line: String, _ headers: [String], _ body: String = "") -> String {
        "0" + ([line, "Host: n0"] + headers).joined(separator: "\r\n") + "\r\n\r\n" + body
    }

    private static var post: String {
        request(
            "POST /data HTTP/1.1",
            ["Content-Type: application/json", "Content-Length: \(body.utf8.count)", "X-Request-Id: r-1"], body)
    }

    static func all() -> [Seed] {
        let chunks = "5\r\n12345\r\n0\r\n\r\n"
        let targets = [
            ("device", "/devices/d%C3%A9%2F1?x=1#f"), ("restore", "/devices/a/restore"),
            ("model", "/models/temp%20erature/activate"), ("asset", "/assets/1/live/stream.js"),
            ("absolute", "http://n0:8080/latest?device_id=d&type=t&result=anomaly&limit=5&all=true"),
            ("times", "/history?device_id=d&type=t&from=2026-11-22T15:04:05+01:00&to=1795359845.5"),
            ("odd", "/latest?limit=1e3&&=&a=b=c&device_id=%zz&all=%74rue"),
        ]
        return [
            Seed("post", post), Seed("two-posts", post + post.dropFirst()),
            Seed("ndjson", post.replacing("application/json", with: "Application/X-NDJSON; charset=utf-8")),
            Seed(
                "chunked",
                request(
                    "POST /data HTTP/1.1", ["Content-Type: application/json", "Transfer-Encoding: chunked"], chunks)),
            Seed(
                "expect",
                request(
                    "POST /data HTTP/1.1",
                    ["Content-Type: application/json", "Content-Length: 2", "Expect: 100-continue"], "{}")),
            Seed("old", request("POST /data HTTP/1.0", ["Content-Type: application/json", "Content-Length: 2"], "{}")),
            Seed(
                "get",
                request(
                    "GET /latest?limit=2 HTTP/1.1",
                    ["Accept: text/csv;q=0.5, application/json", "Accept-Encoding: gzip;q=0, *", "Connection: close"])),
            Seed("two-lengths", post.replacing("X-Request-Id: r-1", with: "Content-Length: 7")),
        ] + targets.map { Seed("target-" + $0.0, "1" + $0.1) }
    }
}
