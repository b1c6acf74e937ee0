import Detection
import Foundation
import ModelFormats
import Telemetry
import Testing

@Suite struct ForestDocumentTests {
    /// A document with one tree of three nodes and two rows, as text that cases below change in one place.
    static let good = """
        {"format":"isolation-forest-trees/1","features":2,"trees_count":1,"max_samples":2,"offset":-0.5,
        "trees":[{"feature":[1,-1,-1],"threshold":[0.5,0,0],"left":[1,-1,-1],"right":[2,-1,-1],"samples":[2,1,1],
        "missing_left":[1,0,0]}],"rows":[[0,0.25],[null,null]],"score_samples":[-0.5,-0.5],
        "decision_function":[0,0],"predict":[1,1]}
        """

    static let badDocuments: [(old: String, new: String, says: String)] = [
        ("isolation-forest-trees/1", "isolation-forest-trees/2", "reads 'isolation-forest-trees/1'"),
        ("\"features\":2", "\"features\":3", "rows[0]: 2 values for 3 features"),
        ("\"features\":2", "\"features\":1", "feature 1"),
        ("\"features\":2", "\"features\":-1", "number of features"),
        ("\"features\":2", "\"features\":2.5", "features"),
        ("\"features\":2", "\"features\":1e30", "features"),
        ("\"features\":2,", "", "features: is missing"),
        ("\"trees_count\":1", "\"trees_count\":2", "trees_count"),
        ("\"max_samples\":2", "\"max_samples\":0", "sample count"),
        ("\"offset\":-0.5", "\"offset\":null", "offset: is null"),
        ("\"offset\":-0.5", "\"offset\":\"x\"", "offset: expected a number"),
        ("\"offset\":-0.5", "\"offset\":1e999", "too large"),
        ("\"feature\":[1,-1,-1]", "\"feature\":[1,-1]", "entries in"),
        ("\"feature\":[1,-1,-1]", "\"feature\":[2,-1,-1]", "node 0: feature 2"),
        ("\"feature\":[1,-1,-1]", "\"feature\":[1,-1,null]", "trees[0].feature[2]"),
        ("\"feature\":[1,-1,-1]", "\"feature\":7", "trees[0].feature"),
        ("\"threshold\":[0.5,0,0]", "\"threshold\":[null,0,0]", "trees[0].threshold[0]"),
        ("\"threshold\":[0.5,0,0]", "\"threshold\":[NaN,0,0]", "not JSON"),
        ("\"left\":[1,-1,-1]", "\"left\":[0,-1,-1]", "reached a second time"),
        ("\"left\":[1,-1,-1]", "\"left\":[9,-1,-1]", "child 9"),
        ("\"left\":[1,-1,-1]", "\"left\":[2,-1,-1]", "reached a second time"),
        ("\"left\":[1,-1,-1]", "\"left\":[1,2,-1]", "a leaf (feature -1) with children"),
        ("\"samples\":[2,1,1]", "\"samples\":[2,-1,1]", "-1 samples"),
        ("\"missing_left\":[1,0,0]", "\"missing_left\":[2,0,0]", "trees[0].missing_left[0]: 2"),
        ("\"missing_left\":[1,0,0]", "\"missing_left\":[1,0]", "'missing_left'"),
        ("[0,0.25]", "[0]", "rows[0]: 1 values"),
        ("[0,0.25]", "\"a\"", "rows[0]"),
        ("\"score_samples\":[-0.5,-0.5]", "\"score_samples\":[-0.5]", "score_samples: 1 answers for 2 rows"),
        ("\"decision_function\":[0,0]", "\"decision_function\":[]", "decision_function"),
        ("\"predict\":[1,1]", "\"predict\":[1,0]", "predict[1]: 0"),
        ("\"predict\":[1,1]}", "\"predict\":[1,1]", "not JSON"),
    ]

    @Test func theGoodDocumentIsScored() throws {
        let document = try ForestDocument(decoding: Array(Self.good.utf8))
        #expect(document.forest.treesCount == 1)
        #expect(document.rows.count == 4 && document.rows[2].isNaN)
        let result = try ForestVerification.run(Array(Self.good.utf8))
        #expect(result == (2, 0, 0))
    }

    @Test(arguments: badDocuments.indices) func badDocumentsAreRefusedByName(index: Int) throws {
        let (old, new, says) = Self.badDocuments[index]
        let text = Self.good.replacingOccurrences(of: old, with: new)
        try #require(text != Self.good)
        let error = #expect(throws: ModelFormatError.self) { try ForestVerification.run(Array(text.utf8)) }
        let description = try #require(error).description
        #expect(description.contains(says), "\(description)")
    }

    @Test(arguments: ["", "null", "[]", "{}", "\u{0}", "{\"format\":3}", String(repeating: "[", count: 100_000)])
    func whatIsNoDocumentAtAllIsRefused(text: String) {
        #expect(throws: ModelFormatError.self) { try ForestVerification.run(Array(text.utf8)) }
    }

    @Test func wrongAnswersAreCounted() throws {
        let text = Self.good
            .replacingOccurrences(of: "\"predict\":[1,1]", with: "\"predict\":[1,-1]")
            .replacingOccurrences(of: "\"score_samples\":[-0.5", with: "\"score_samples\":[-0.75")
        let result = try ForestVerification.run(Array(text.utf8))
        #expect(result == (2, 0.25, 1))
    }

    /// Bytes changed, cut or doubled anywhere: an answer or a typed error, never a trap.
    @Test(arguments: [1, 2, 3] as [UInt64]) func damagedDocumentsNeverTrap(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let original = try seed == 1 ? Array(Self.good.utf8) : ForestVerificationTests.bytes("trained_on_3_rows")
        var (refused, scored) = (0, 0)
        for _ in 0..<300 {
            do {
                _ = try ForestVerification.run(Mutation.apply(to: original, using: &generator))
                scored += 1
            } catch {
                refused += 1
            }
        }
        #expect(refused > 50 && scored > 10, "\(refused) refused, \(scored) scored")
    }
}

/// Damage of the kinds that files suffer, and digits that are still JSON but other numbers.
enum Mutation {
    static func apply(to original: [UInt8], using generator: inout SeededGenerator) -> [UInt8] {
        var bytes = original
        for _ in 0...generator.draw(below: 3) where !bytes.isEmpty {
            let place = generator.draw(below: bytes.count)
            switch generator.draw(below: 6) {
            case 0: bytes[place] = UInt8(truncatingIfNeeded: generator.next())
            case 1: bytes.removeLast(bytes.count - place)
            case 2: bytes.insert(bytes[generator.draw(below: bytes.count)], at: place)
            default:
                guard let digit = bytes[place...].firstIndex(where: { (48...57).contains($0) }) else { continue }
                bytes[digit] = UInt8(48 + generator.draw(below: 10))
            }
        }
        return bytes
    }
}
