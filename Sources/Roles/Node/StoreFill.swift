import HashRing
import Ports

/// Last rows of the store for an answer that does not wait for it: a read that takes longer goes on by itself, one at a
/// time, and is of use to nobody.
actor StoreFill {
    private let store: any ReadingStore
    private let questions: AsyncStream<Question>
    private let input: AsyncStream<Question>.Continuation

    private struct Question: Sendable {
        let slots: [Slot]
        let answer: AsyncStream<[LatestRow]>.Continuation
    }

    /// Answers that wait for the store; beyond it the oldest goes without.
    private static let questionsMax = 16

    init(_ store: any ReadingStore) {
        self.store = store
        (questions, input) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(Self.questionsMax))
    }

    /// Runs until it is cancelled.
    func run() async {
        for await question in questions {
            if let rows = try? await store.latest(in: question.slots) { question.answer.yield(rows) }
            question.answer.finish()
        }
        input.finish()
    }

    /// Nil if the store does not answer in time.
    nonisolated func rows(in slots: [Slot], within patience: Duration) async -> [LatestRow]? {
        let (answers, answer) = AsyncStream.makeStream(of: [LatestRow].self, bufferingPolicy: .bufferingNewest(1))
        if case .dropped(let other) = input.yield(Question(slots: slots, answer: answer)) { other.answer.finish() }
        return await withTaskGroup { group in
            group.addTask { await answers.first { _ in true } }
            group.addTask {
                try? await Task.sleep(for: patience)
                return nil
            }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
    }
}
