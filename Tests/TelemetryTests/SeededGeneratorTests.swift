import Telemetry
import Testing

struct SeededGeneratorTests {
    /// The published numbers of SplitMix64 for seed 1234567: a seed must replay for ever.
    @Test func theSequenceOfASeedNeverChanges() {
        var generator = SeededGenerator(seed: 1_234_567)
        let words = (0..<5).map { _ in generator.next() }
        #expect(
            words == [
                6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
                4_593_380_528_125_082_431, 16_408_922_859_458_223_821,
            ])
    }

    @Test(arguments: [1, 2, 3, 7, 10, 1000, 1 << 32, (1 << 62) + 1, Int.max])
    func drawsStayBelowTheirBound(bound: Int) {
        var generator = SeededGenerator(seed: 9)
        for _ in 0..<1000 { #expect((0..<bound).contains(generator.draw(below: bound))) }
    }

    /// Ten thousand draws a value: five standard deviations either way is a broken draw, not bad luck.
    @Test(arguments: [2, 3, 7, 10])
    func drawsAreEven(bound: Int) {
        var generator = SeededGenerator(seed: 4)
        var counts = [Int](repeating: 0, count: bound)
        for _ in 0..<(10_000 * bound) { counts[generator.draw(below: bound)] += 1 }
        for count in counts { #expect(abs(count - 10_000) < 500) }
    }

    @Test func unitsAreEvenAndBelowOne() {
        var generator = SeededGenerator(seed: 5)
        let units = (0..<100_000).map { _ in generator.drawUnit() }
        #expect(units.allSatisfy { $0 >= 0 && $0 < 1 })
        #expect(abs(units.reduce(0, +) / 100_000 - 0.5) < 0.005)
    }

    @Test func copiesGoOnAlike() {
        var first = SeededGenerator(seed: 6)
        _ = first.next()
        var second = first
        #expect((0..<10).allSatisfy { _ in first.draw(below: 1000) == second.draw(below: 1000) })
        #expect(first == second)
    }

    @Test func aDrawFromNothingIsAMistakeOfTheProgram() async {
        await #expect(processExitsWith: .failure) {
            var generator = SeededGenerator(seed: 1)
            _ = generator.draw(below: 0)
        }
    }
}
