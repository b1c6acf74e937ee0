import PostgresStore
import Telemetry
import Testing

@Suite("PostgreSQL addresses and times")
struct AddressTests {
    @Test(arguments: [
        ("postgres://u:p@h:5432/d?sslmode=require", "postgres://u@h:5432/d"),
        ("postgresql://h/d", "postgres://h/d"),
        ("postgres:///d?host=/run/pg&user=me", "postgres://me@/run/pg/d"),
        ("postgres://u:p%40ss@[::1]:6000,h2/d", "postgres://u@::1:6000,h2/d"),
        ("postgres://", "postgres:///"),
    ])
    func isDescribedWithoutThePassword(text: String, description: String) throws {
        let url = try PostgresURL(text)
        #expect(url.description == description)
        #expect(String(reflecting: url) == description)
    }

    @Test(arguments: [
        ("http://h/d", "no PostgreSQL address"), ("sqlite:./a.db", "no PostgreSQL address"),
        ("postgres://u:s3cret@h:nope/d", "port"), ("postgres://u:s3cret@h:0/d", "port"),
        ("postgres://u:s3cret@h:70000/d", "port"), ("postgres://u:s3cret@h/d?sslmode=maybe", "sslmode"),
        ("postgres://u:s3cret@h/d?colour=red", "parameter"), ("postgres://u:s3cret%@h/d", "%25"),
        ("postgres://u:s3cret%00@h/d", "%25"),
        ("postgres://u:s3cret/x@h:1:2/d", ""), ("postgres://u:s3cret@at@h/d", "%40"),
        ("postgres://h/d?password=s3cret&x=%", ""), ("postgres://u:s3cret#@h:9:9?", ""),
        ("postgres://h:5432/d?password=x@s3cret&bad=1", "parameter"),
    ])
    func aBadAddressIsExplainedWithoutThePassword(text: String, expected: String) {
        let error = #expect(throws: PostgresURLError.self) { try PostgresURL(text) }
        #expect(error?.description.contains(expected) == true, "\(error?.description ?? "")")
        #expect(error?.description.contains("s3cret") == false, "\(error?.description ?? "")")
        #expect(error?.description.contains("write it as postgres://") == true)
    }

    @Test func thePasswordIsTakenOutHoweverItIsSpelt() throws {
        let url = try PostgresURL("postgres://u:p%40ss%3Aw0rd@h/d")
        #expect(url.redact("a p@ss:w0rd b p%40ss%3Aw0rd c") == "a *** b *** c")
        var dumped = ""
        dump(url, to: &dumped)
        #expect(!dumped.contains("w0rd"))
    }

    @Test(arguments: [
        Int64.min, .min + 1, -210_866_803_200_000_001, -210_866_803_200_000_000, -1, 0, 1, 946_684_800_000_000,
        1_795_791_845_123_456, .max - 1, .max,
    ])
    func timesAreExactWhereTheTypeIs(microseconds: Int64) {
        let instant = Instant(microseconds: microseconds)
        let back = PostgresTime.instant(PostgresTime.wire(instant))
        let isBeforeTheType = microseconds < -210_866_803_200_000_000
        #expect(back == (isBeforeTheType ? .distantPast : instant))
        #expect(PostgresTime.isExact(instant) == !(isBeforeTheType || instant == .distantFuture))
    }
}
