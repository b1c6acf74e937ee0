import NodeHarness
import RedisLease
import Testing

@Suite struct RedisURLTests {
    struct Good: Sendable {
        let text: String
        let shown: String
        let user: String?
        let roots: String?

        init(_ text: String, _ shown: String, user: String? = nil, roots: String? = nil) {
            self.text = text
            self.shown = shown
            self.user = user
            self.roots = roots
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
        Good("rediss://h", "rediss://h:6379/0"),
        Good(
            "rediss://u:secret@h:6380/1?sslrootcert=/a%20b/ca.pem", "rediss://u@h:6380/1", user: "u",
            roots: "/a b/ca.pem"),
        Good("rediss://h?sslrootcert=ca.pem", "rediss://h:6379/0", roots: "ca.pem"),
    ]

    @Test(arguments: good) func isRead(_ one: Good) throws {
        let url = try RedisURL(one.text)
        #expect(url.description == one.shown)
        #expect(url.user == one.user)
        #expect(url.rootsPath == one.roots)
        #expect(url.isEncrypted == one.text.hasPrefix("rediss"))
        var dumped = ""
        dump(url, to: &dumped)
        #expect(!"\(url) \(String(reflecting: url)) \(dumped)".contains("secret"))
    }

    @Test(arguments: [
        "", "redis:", "redis://", "redis:///0", "http://h", "redis://h:0", "redis://h:65536", "redis://h:x",
        "redis://h/x", "redis://h/-1", "redis://h/1/2", "redis://u@h", "redis://u:@h", "redis://u:secret%4@h",
        "redis://u:secret%00@h", "redis://u:secret%ff@h", "redis://::1", "redis://[::1", "redis://[::1]x",
        "redis://h?secret=1", "redis://u:sec/ret@h", "redis://h?",
        "redis://u:secret@h?sslrootcert=/ca.pem", "rediss://h?", "rediss://u:secret@h?secret=1",
        "rediss://h?sslrootcert=",
        "rediss://h?sslrootcert=/ca%4", "rediss://h?sslrootcert=/ca.pem&sslmode=secret", "rediss://u:secret?1@h",
        "rediss://h#secret", "redis://h\u{0}",
    ])
    func isRefusedWithAdvice(_ text: String) {
        let error = #expect(throws: RedisURLError.self) { try RedisURL(text) }
        #expect(error?.description.contains("secret") == false)
        #expect(error?.description.contains("redis://") == true)
    }

    @Test func whatIsNoListOfCertificatesIsRefusedWithAdvice() throws {
        let folder = try TemporaryFolder()
        let (empty, wrong) = (try folder.write("", to: "empty"), try folder.write("no PEM\n", to: "wrong"))
        let long = try folder.write(String(repeating: "x", count: 2 << 20), to: "long")
        for path in [folder.file("nothing"), empty, wrong, long, folder.path] {
            let url = try RedisURL("rediss://u:secret@h?sslrootcert=\(path)")
            let error = #expect(throws: RedisURLError.self) { try url.check() }
            #expect(error?.description.contains(path) == true && error?.description.contains("in PEM") == true)
        }
        try RedisURL("redis://h").check()
        try RedisURL("rediss://h").check()
    }
}
