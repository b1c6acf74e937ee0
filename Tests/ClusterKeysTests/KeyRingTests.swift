import ClusterKeys
import Crypto
import Foundation
import Testing

struct KeyRingTests {
    static func text(_ byte: UInt8) -> String { Data(repeating: byte, count: KeyRing.keyBytes).base64EncodedString() }

    @Test(arguments: [[], ["x"], [text(1), "AAAA"], Array(repeating: text(1), count: KeyRing.keysMax + 1)])
    func whatIsNoKeyMakesNoRing(texts: [String]) {
        #expect(KeyRing(base64: texts) == nil)
    }

    @Test func theFirstSealsAndAllAreFoundByTheirHint() throws {
        let ring = try #require(KeyRing(base64: [Self.text(1), Self.text(2)]))
        #expect(ring.sealing.hint == ring.keys[0].hint)
        #expect(ring.key(hint: ring.keys[1].hint)?.hint == ring.keys[1].hint)
        #expect(ring.keys[0].hint != ring.keys[1].hint)
        #expect(ring.key(hint: ring.keys[0].hint &+ 1) == nil)
    }

    @Test func everySaltAndPurposeHasAKeyOfItsOwn() throws {
        let key = try #require(KeyRing(base64: [Self.text(1)])).sealing
        #expect(key.derived(salt: [1], purpose: "a") == key.derived(salt: [1], purpose: "a"))
        #expect(key.derived(salt: [1], purpose: "a") != key.derived(salt: [2], purpose: "a"))
        #expect(key.derived(salt: [1], purpose: "a") != key.derived(salt: [1], purpose: "b"))
    }
}
