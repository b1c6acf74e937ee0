import Access
import AccessKeys
import Telemetry
import Testing

@Suite struct KeyBookTests {
    /// FIPS 180-4's example.
    @Test func theDigestIsSHA256() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        #expect(KeyDigest(of: "abc").text == abc)
    }

    @Test func aKeyIsFoundByItselfAlone() throws {
        let book = KeyBook(
            try KeyEntry.parseList("read:alpha,ingest@a*:sha256:\(KeyDigest(of: "beta").text),admin:gamma,read:gamma"))
        #expect(book.find("alpha")?.scopes == [.read])
        #expect(book.find("beta")?.scopes == [.ingest])
        #expect(book.find("gamma")?.scopes == [.admin], "the first entry of a key counts")
        for other in ["", "alph", "alpha ", "Alpha", KeyDigest(of: "beta").text, String(repeating: "a", count: 10_000)]
        {
            #expect(book.find(other) == nil)
        }
    }

    @Test func scopesAndDevices() throws {
        let book = KeyBook(try KeyEntry.parseList("ingest@device-1*:bound,ingest:free,read:reader,admin:boss"))
        let bound = try #require(book.find("bound"))
        #expect(bound.allows(.ingest) && !bound.allows(.read) && !bound.allows(.admin))
        let devices = ["device-1", "device-12", "device-2", "xdevice-1"].map(DeviceID.init(unchecked:))
        #expect(devices.map { bound.allows($0) } == [true, true, false, false])
        let free = try #require(book.find("free"))
        #expect(devices.allSatisfy { free.allows($0) })
        let boss = try #require(book.find("boss"))
        #expect(Scope.allCases.allSatisfy(boss.allows))
        let reader = try #require(book.find("reader"))
        #expect(Scope.allCases.filter(reader.allows) == [.read])
    }

    @Test func newKeysTakeTheOldOnesPlace() throws {
        let book = KeyBook(try KeyEntry.parseList("read:old"))
        let old = try #require(book.find("old"))
        book.replace(with: try KeyEntry.parseList("read:new"))
        #expect(book.find("old") == nil && book.find("new") != nil)
        #expect(!book.holds(old))
    }

    @Test func aMadeKeyIsKnownByItsLine() throws {
        var random = SystemRandomNumberGenerator()
        var seen: Set<String> = []
        for _ in 0..<100 {
            let made = KeyMaker.make(scopes: [.ingest], devices: ["gh-*", "shed"], using: &random)
            #expect(seen.insert(made.key).inserted)
            let entries = try KeyEntry.parseList(made.entry)
            #expect(!made.entry.contains(made.key) && !entries[0].isGuessable)
            let key = try #require(KeyBook(entries).find(made.key))
            #expect(key.scopes == [.ingest] && key.allows(DeviceID(unchecked: "gh-3")))
        }
    }
}
