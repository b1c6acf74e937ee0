import Foundation
import ModelFormats
import Testing

@Suite struct ForestVerificationTests {
    static let names = [
        "bootstrap", "constant_feature", "d1", "d3_contamination", "d8_small", "integer_ties", "max_features_half",
        "max_samples_64", "nan_only_at_scoring", "trained_on_1_rows", "trained_on_2_rows", "trained_on_3_rows",
        "trained_with_nan",
    ]

    static func bytes(_ name: String) throws -> [UInt8] {
        let url = try #require(Bundle.module.url(forResource: name, withExtension: "json", subdirectory: "Parity"))
        return Array(try Data(contentsOf: url))
    }

    @Test(arguments: names) func scoresAsScikitLearnDoes(name: String) throws {
        let result = try ForestVerification.run(Self.bytes(name))
        #expect(result.rows >= 50)
        #expect(result.maxAbsError <= 1e-15)
        #expect(result.labelMismatches == 0)
    }
}
