import RedisLease
import Testing

@Suite struct RedisURLTests {
    struct Good: Sendable {
        let text: String
        let shown: String
        let user: String?

        init(_ text: String, _ shown: String, user: String? = nil) {
            self.text = text
            self.shown = shown
            self.user = user
        }
    }

    static let good = [
        Good("redis://h", "redis://h:6379/0"),
        Good("redis://h/", "redis://h:6379/0"),
        Good("redis://h:1/15", "redis://h:1/15"),
        Good("redis://:secret@h:1", "redis://h:1/0"),
        Good("redis://u:secret@h:65535/0", "redis://u@h:65535/0", user: "u"),
        Good("redis://u:secret%40%3a%2f:@h", "redis://u@h:6379/0", user: "u"),
        Good("redis://%75:secret@[::1]:7/2", "redis://u@[::1]:7/2", user: "u"),
        Good("redis://[::1]", "redis://[::1]:6379/0"),
    ]

    @Test(arguments: good) func isRead(_ one: Good) throws {
        let url = try RedisURL(one.text)
        #expect(url.description == one.shown)
        #expect(url.user == one.user)
        var dumped = ""
        dump(url, to: &dumped)
        #expect(!"\(url) \(String(reflecting: url)) \(dumped)".contains("secret"))
    }

    @Test(arguments: [
        "", "redis:", "redis://", "redis:///0", "http://h", "redis://h:0", "redis://h:65536", "redis://h:x",
        "redis://h/x", "redis://h/-1", "redis://h/1/2", "redis://u@h", "redis://u:@h", "redis://u:secret%4@h",
        "redis://u:secret%00@h", "redis://u:secret%ff@h", "redis://::1", "redis://[::1", "redis://[::1]x",
        "redis://h?secret=1", "redis://u:sec/ret@h", "rediss://u:secret@h",
    ])
    func isRefusedWithAdvice(_ text: String) {
        let error = #expect(throws: RedisURLError.self) { try RedisURL(text) }
        #expect(error?.description.contains("secret") == false)
        #expect(error?.description.contains("redis://") == true)
    }

    @Test func encryptionIsRefusedWithTheReason() {
        let error = #expect(throws: RedisURLError.self) { try RedisURL("rediss://h") }
        #expect(error?.description.contains("TLS") == true)
    }
}
