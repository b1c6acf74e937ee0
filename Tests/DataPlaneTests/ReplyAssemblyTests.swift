import DataPlane
import HashRing
import Telemetry
import Testing

struct ReplyAssemblyTests {
    private static func part(_ readings: Range<Int>) -> ScoreCall.Part {
        ScoreCall.Part(slot: Slot(UInt16(readings.lowerBound)), readings: readings, start: .start)
    }

    private static func verdicts(_ readings: Range<Int>) -> [Verdict] {
        readings.map { Verdict(result: .normal, score: Double($0) / 16, model: .none, isLate: false) }
    }

    @Test func partsComeInAnyOrderAndTheAnswerInTheCalls() throws {
        var answer = ReplyAssembly(readingsCount: 6)
        for readings in [4..<6, 0..<1, 1..<4] {
            #expect(answer.answer == nil)
            answer.add(Self.part(readings), Self.verdicts(readings))
        }
        let whole = try #require(answer.answer).verdicts
        #expect((0..<6).map { whole[$0].score } == (0..<6).map { Double($0) / 16 })
    }

    @Test func thePartThatIsAnsweredTwiceCountsOnce() {
        var answer = ReplyAssembly(readingsCount: 4)
        for _ in 0..<2 { answer.add(Self.part(0..<2), Self.verdicts(0..<2)) }
        #expect(answer.answer == nil)
        answer.add(Self.part(2..<4), Self.verdicts(2..<4))
        #expect(answer.answer?.verdicts.count == 4)
    }

    @Test func aCallWithoutReadingsIsAnsweredAtOnce() {
        #expect(ReplyAssembly(readingsCount: 0).answer?.verdicts.count == 0)
    }

    @Test func aSlotThatMovedHalfwayIsLeftOutWhole() throws {
        let whole = ScoreCall.Part(slot: Slot(7), readings: 2..<6, start: .start)
        let (judged, moved) = whole.split(after: 2)
        var answer = ReplyAssembly(readingsCount: 6)
        answer.add(Self.part(0..<2), Self.verdicts(0..<2))
        answer.add(judged, Self.verdicts(2..<4))
        let other = Owner(name: "n1", incarnation: 1)
        answer.add(moved, movedTo: other)
        #expect(answer.answer?.verdicts.count == 2)
        #expect(answer.answer?.moved == [SlotMove(Slot(7), to: other)])
    }
}
