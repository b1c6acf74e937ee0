import Access
import Telemetry
import Testing

@Suite struct KeyEntryTests {
    private static let digest = String(repeating: "0f", count: 32)

    @Test func whatStandsInALineIsRead() throws {
        let text = """
            # keys of the greenhouse

            ingest@gh-*|shed-1:sha256:\(Self.digest)
              read+ingest:sha256:\(Self.digest.uppercased())  , admin:correct-horse-battery
            a-key-alone-may-do-everything
            ingest@aa:bb:*:sha256:\(Self.digest)
            """
        let entries = try KeyEntry.parseList(text)
        let bytes = [UInt8](repeating: 0x0F, count: 32)
        #expect(
            entries == [
                KeyEntry(
                    scopes: [.ingest], devices: [GlobPattern("gh-*"), GlobPattern("shed-1")], secret: .digest(bytes)),
                KeyEntry(scopes: [.read, .ingest], secret: .digest(bytes)),
                KeyEntry(scopes: [.admin], secret: .plain("correct-horse-battery")),
                KeyEntry(scopes: [.ingest, .read, .admin], secret: .plain("a-key-alone-may-do-everything")),
                KeyEntry(scopes: [.ingest], devices: [GlobPattern("aa:bb:*")], secret: .digest(bytes)),
            ])
        #expect(entries.map(\.isGuessable) == [false, false, false, false, false])
        #expect(KeyEntry(scopes: [.read], secret: .plain("secret")).isGuessable)
    }

    @Test(arguments: [
        ("", "there is no key"),
        ("# nothing\n", "there is no key"),
        ("read:a,,read:b", "key 2"),
        ("write:abc", "key 1: what stands before the colon"),
        ("read+:abc", "scopes"),
        ("read:sha256:abc", "hexadecimal"),
        ("read:sha256:" + String(repeating: "zz", count: 32), "hexadecimal"),
        ("read:", "printable"),
        ("read:a b", "printable"),
        ("read:ü", "printable"),
        ("read:" + String(repeating: "a", count: 513), "printable"),
        ("read@d1:abc", "belong to keys that may ingest"),
        ("ingest+read@d1:abc", "belong to keys that may ingest"),
        ("ingest@:abc", "device patterns"),
        ("ingest@a||b:abc", "device patterns"),
        (String(repeating: "read:a\n", count: 1_025), "more than 1024"),
    ]) func whatIsNoListSaysWhy(_ text: String, _ reason: String) {
        let error = #expect(throws: KeyEntryError.self) { try KeyEntry.parseList(text) }
        #expect(error?.description.contains(reason) == true, "\(error?.description ?? "none")")
    }

    @Test func noKeyIsEverPrinted() throws {
        let entries = try KeyEntry.parseList("ingest@a*:very-secret-indeed,read:very-secret-indeed")
        for entry in entries {
            for text in ["\(entry)", String(reflecting: entry), "\(Mirror(reflecting: entry).children.map(\.value))"] {
                #expect(!text.contains("very"), "\(text)")
            }
        }
        #expect(entries[0].description == "ingest@a*:***")
        let error = #expect(throws: KeyEntryError.self) { try KeyEntry.parseList("oops:very-secret-indeed") }
        #expect(error?.description.contains("very") == false)
    }

    /// Whatever stands there gives entries or an error.
    @Test func anyTextIsReadOrRefused() {
        var random = SeededGenerator(seed: 7)
        let parts = [
            "read", "ingest", "admin", "+", "@", "|", ":", "sha256:", Self.digest, ",", "\n", "#", " ", "*", "é", "\0",
        ]
        var read = 0
        for _ in 0..<5_000 {
            let text = (0..<random.draw(below: 9)).map { _ in parts[random.draw(below: parts.count)] }.joined()
            guard let entries = try? KeyEntry.parseList(text) else { continue }
            read += 1
            #expect(!entries.isEmpty && entries.allSatisfy { !$0.scopes.isEmpty })
        }
        #expect(read > 50)
    }
}
